import type { ServerFacts } from '../../request/context.ts'
import type { ProxyHeader } from '../../request/proxy-header.ts'
import type { Runtime } from '../../runtime.ts'
import type { Peers } from '../connection/peers.ts'
import type { Settings } from '../lifecycle/settings.ts'
import type { Reports } from '../reports/reports.ts'
import type { Admitted } from './admission.ts'
import type { Http1ByteSink } from '../response/http1-byte-sink.ts'
import type { RequestSource } from './light-request.ts'
import { RequestBody, goneError } from './request-body.ts'
import type { BodyOwner, BodyPatience } from './request-body.ts'
import { announcesContent, unreadContent } from '../message/unread-content.ts'
import type { WireRequest, WireResponse } from '../message/wire.ts'

/** The parts of the server that a request needs. */
export interface RequestParts {
  readonly settings: Pick<Settings, 'maxBodyBytes' | 'bodyIdleTimeoutMs' | 'secretFields'> & {
    readonly runtime: Pick<Runtime, 'now' | 'wallClock' | 'setTimeout' | 'clearTimeout'>
  }
  readonly peers: Peers
  readonly reports: Pick<Reports, 'requestFailed'>
  /** Aborts when the server begins to stop. */
  readonly closing: AbortSignal
}

/** The request half of an exchange. The `Request` and its context read from it on demand. */
export class IncomingRequest implements RequestSource, BodyOwner, ServerFacts {
  readonly message: WireRequest
  readonly url: string
  readonly canUpgrade: boolean
  /** Header fields for the 500 if the handler throws; most requests have none. */
  failureFields: Headers | undefined
  readonly #parts: RequestParts
  /** On the monotonic clock. */
  readonly #startedAt: number
  readonly #response: WireResponse
  readonly #admitted: Admitted
  #continue: 'expected' | 'sent' | undefined
  #body: RequestBody | undefined
  /** Created only when the handler asks for the limit. */
  #bodyLimit: { maxBytes: number } | undefined
  #aborter: AbortController | undefined
  #sink: Http1ByteSink | undefined
  #isEnded = false
  /** Most requests have none. */
  #endListeners: (() => void)[] | undefined

  constructor(
    parts: RequestParts,
    message: WireRequest,
    response: WireResponse,
    admitted: Admitted,
    expects: 'continue' | undefined,
    canUpgrade: boolean,
  ) {
    this.#parts = parts
    this.message = message
    this.#response = response
    this.url = admitted.url
    this.#startedAt = parts.settings.runtime.now()
    this.#admitted = admitted
    this.canUpgrade = canUpgrade
    this.#continue = expects === 'continue' ? 'expected' : undefined
  }

  get startTime(): number {
    return this.#parts.settings.runtime.wallClock() - this.elapsedMs
  }

  get elapsedMs(): number {
    return this.#parts.settings.runtime.now() - this.#startedAt
  }

  get method(): string {
    return this.message.method ?? 'GET'
  }

  get body(): RequestBody | undefined {
    const { message } = this
    if (message.method === 'GET' || message.method === 'HEAD' || !announcesContent(message)) return undefined
    return (this.#body ??= new RequestBody(this))
  }

  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController()
      if (this.isCut) this.#aborter.abort(goneError())
      this.#sink?.abortWhenGone(this.#aborter)
    }
    return this.#aborter.signal
  }

  /** The connection was handed over to the sink. From now on the sink aborts the signal, even one created later. */
  handOver(sink: Http1ByteSink): void {
    this.#sink = sink
    if (this.#aborter !== undefined) sink.abortWhenGone(this.#aborter)
  }

  onEnd(listener: () => void): void {
    if (this.#isEnded) listener()
    else (this.#endListeners ??= []).push(listener)
  }

  failed(error: unknown): void {
    this.#parts.reports.requestFailed('handler-failed', error, this, 'A callback of the handler failed')
  }

  /** Called when the server is done with the request. */
  end(): void {
    this.#isEnded = true
    if (this.#endListeners === undefined) return
    for (const listener of this.#endListeners) listener()
    this.#endListeners = undefined
  }

  get bodyLimit(): { maxBytes: number } {
    return (this.#bodyLimit ??= { maxBytes: this.#parts.settings.maxBodyBytes })
  }

  get maxBodyBytes(): number {
    return this.#bodyLimit?.maxBytes ?? this.#parts.settings.maxBodyBytes
  }

  get secretFields(): ReadonlySet<string> {
    return this.#parts.settings.secretFields
  }

  get patience(): BodyPatience {
    return this.#parts.settings
  }

  get remoteAddress(): string | undefined {
    const address = this.#admitted.forwardedAddress ?? this.#parts.peers.addressOf(this.message.socket)
    // A dual-stack socket shows an IPv4 address as `::ffff:192.0.2.1`.
    return address?.startsWith('::ffff:') === true && address.includes('.') ? address.slice(7) : address
  }

  get remotePort(): number | undefined {
    const { forwardedAddress, forwardedPort } = this.#admitted
    return forwardedAddress === undefined ? this.#parts.peers.portOf(this.message.socket) : forwardedPort
  }

  onFailure(fields: Headers): void {
    this.failureFields = fields
  }

  get proxyHeader(): ProxyHeader | undefined {
    return this.#parts.peers.headerOf(this.message.socket)
  }

  get httpVersion(): string {
    return this.message.httpVersion
  }

  get closing(): AbortSignal {
    return this.#parts.closing
  }

  bodyWanted(): void {
    if (this.#continue !== 'expected' || this.#response.headersSent) return
    this.#continue = 'sent'
    this.#response.writeContinue()
  }

  /** Whether the connection closed before the response was completely written to it. */
  get isCut(): boolean {
    return this.#response.destroyed && !this.#response.writableFinished
  }

  /** Whether the handler or a middleware has begun to read the content. */
  get isBodyBegun(): boolean {
    return this.#body?.isBegun === true
  }

  /** How much content is still to come. A client that waits for `100 Continue` sends none. */
  get unread(): 'none' | 'small' | 'large' {
    return this.#continue === 'expected' ? 'none' : unreadContent(this.message)
  }

  /** Aborts the request's signal, because the client has left. */
  abort(): void {
    this.#aborter?.abort(goneError())
  }
}
