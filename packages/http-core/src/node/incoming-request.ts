import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestFacts } from '../context.ts'
import type { Admitted } from './admission.ts'
import type { RequestSource } from './light-request.ts'
import { RequestBody, goneError } from './request-body.ts'
import type { BodyOwner } from './request-body.ts'
import type { ServerCore } from './server-core.ts'
import { announcesContent, unreadContent } from './unread-content.ts'

/** The request half of an exchange: what the `Request` and its context are read from, when somebody asks. */
export class IncomingRequest implements RequestSource, BodyOwner, RequestFacts {
  readonly message: IncomingMessage
  readonly url: string
  readonly startTime: number
  readonly #core: ServerCore
  readonly #response: ServerResponse
  readonly #forwardedAddress: string | undefined
  #continue: 'expected' | 'sent' | undefined
  #body: RequestBody | undefined
  #aborter: AbortController | undefined

  constructor(
    core: ServerCore,
    message: IncomingMessage,
    response: ServerResponse,
    admitted: Admitted,
    expects: 'continue' | undefined,
  ) {
    this.#core = core
    this.message = message
    this.#response = response
    this.url = admitted.url
    this.startTime = core.settings.runtime.now()
    this.#forwardedAddress = admitted.forwardedAddress
    this.#continue = expects === 'continue' ? 'expected' : undefined
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
    }
    return this.#aborter.signal
  }

  get maxBodyBytes(): number {
    return this.#core.settings.maxBodyBytes
  }

  get remoteAddress(): string | undefined {
    const address = this.#forwardedAddress ?? this.message.socket.remoteAddress
    // What a socket for both families calls an IPv4 address.
    return address?.startsWith('::ffff:') === true && address.includes('.') ? address.slice(7) : address
  }

  get httpVersion(): string {
    return this.message.httpVersion
  }

  get closing(): AbortSignal {
    return this.#core.closing
  }

  bodyWanted(): void {
    if (this.#continue !== 'expected' || this.#response.headersSent) return
    this.#continue = 'sent'
    this.#response.writeContinue()
  }

  /** Whether the connection went away before the response had been handed to it. */
  get isCut(): boolean {
    return this.#response.destroyed && !this.#response.writableFinished
  }

  /** Whether somebody has begun to read the content. */
  get isBodyBegun(): boolean {
    return this.#body?.isBegun === true
  }

  /** The content that is still to come; a client that waits for `100 Continue` sends none. */
  get unread(): 'none' | 'small' | 'large' {
    return this.#continue === 'expected' ? 'none' : unreadContent(this.message)
  }

  /** The client went away: whoever works for it may stop. */
  abort(): void {
    this.#aborter?.abort(goneError())
  }
}
