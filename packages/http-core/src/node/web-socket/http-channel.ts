import { ChannelError } from '../../errors/channel-error.ts'
import { checkRequired } from '../../options/check-options.ts'
import { servedRequestOf } from '../request/served-request.ts'
import type { ServedRequest } from '../request/served-request.ts'
import { callListener, settled } from '../../thenable.ts'
import type {
  Channel,
  ChannelCloseStatus,
  ChannelHooks,
  ChannelMessage,
  SendOptions,
} from './channel-types.ts'
import { CloseOnce } from './close-once.ts'

const highWaterMarkBytes = 65_536
const encoder = new TextEncoder()

/**
 * A channel whose output is one HTTP response. The first send decides its form:
 *
 *     send(m)                        -> a whole response, with its Content-Length
 *     send(m, { close: false }) ...  -> a response that streams, until a send closes it
 */
export class HttpChannel implements Channel {
  readonly kind = 'http'
  readonly protocol = undefined
  readonly response: Promise<Response>
  readonly #maxBufferedBytes: number
  readonly #served: ServedRequest | undefined
  readonly #end: CloseOnce
  readonly #answer: PromiseWithResolvers<Response>
  #body: ReadableStreamDefaultController<Uint8Array> | undefined
  #isHeadSent = false
  #room: PromiseWithResolvers<void> | undefined

  constructor(request: Request, hooks: ChannelHooks, maxBufferedBytes: number) {
    this.#maxBufferedBytes = maxBufferedBytes
    this.#answer = Promise.withResolvers()
    this.response = this.#answer.promise
    this.#served = servedRequestOf(request)
    const failed = (error: unknown): void => {
      this.#hookFailed(error)
    }
    this.#end = new CloseOnce(failed)
    void settled(hooks.init?.(this), failed)
    // From here on, `close` follows, exactly once.
    this.#end.onClose((status) => hooks.close?.(this, status))
    // A middleware may have answered otherwise, and nobody cancels a body that is not sent.
    this.#served?.onEnd(() => {
      this.#settle('server-close')
    })
    const { signal } = request
    const onAbort = (): void => {
      this.#answer.reject(signal.reason)
      this.#settle('client-close')
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#end.onClose(() => {
      signal.removeEventListener('abort', onAbort)
    })
    if (signal.aborted) onAbort()
    if (!this.isOpen) return
    void callListener(() => hooks.open?.(this), failed)
  }

  get isOpen(): boolean {
    return !this.#end.isClosed
  }

  get bufferedBytes(): number {
    return this.#body === undefined ? 0 : highWaterMarkBytes - (this.#body.desiredSize ?? 0)
  }

  send(message: ChannelMessage, { close = true }: SendOptions = {}): boolean {
    if (!this.isOpen) return false
    const isPlain = typeof message === 'string' || message instanceof Uint8Array
    const { status = 200, headers, body } = isPlain ? { body: message } : message
    const init = { status, ...(headers !== undefined && { headers }) }
    if (this.#isHeadSent) {
      if (!isPlain && (message.status !== undefined || headers !== undefined)) {
        throw new ChannelError('head-sent', 'Status and fields come with the first send of a channel')
      }
      this.#enqueue(body)
    } else if (close) {
      this.#answer.resolve(new Response(body ?? null, init))
      this.#isHeadSent = true
    } else {
      this.#answer.resolve(new Response(this.#openBody(), init))
      this.#isHeadSent = true
      this.#enqueue(body)
    }
    if (this.bufferedBytes > this.#maxBufferedBytes) {
      this.#fail(new DOMException('The client reads too slowly', 'AbortError'))
      return false
    }
    if (close) this.#finish()
    return true
  }

  async ready(): Promise<void> {
    if (!this.isOpen || this.#body === undefined || (this.#body.desiredSize ?? 0) > 0) return
    this.#room ??= Promise.withResolvers()
    await this.#room.promise
  }

  close(): boolean {
    if (!this.isOpen) return false
    if (!this.#isHeadSent) {
      this.#isHeadSent = true
      this.#answer.resolve(new Response(null, { status: 204 }))
    }
    this.#finish()
    return true
  }

  /** Nothing is received over HTTP: the content of the request is the handler's. */
  onReceive(listener: NonNullable<ChannelHooks['receive']>): void {
    checkRequired('listener', listener)
  }

  onPing(listener: NonNullable<ChannelHooks['ping']>): void {
    checkRequired('listener', listener)
  }

  onClose(listener: (status: ChannelCloseStatus) => unknown): void {
    this.#end.onClose(listener)
  }

  #openBody(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#body = controller
        },
        pull: () => {
          this.#room?.resolve()
          this.#room = undefined
        },
        cancel: () => {
          this.#body = undefined
          // A client that goes away aborts the signal first.
          this.#settle('server-close')
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: highWaterMarkBytes }),
    )
  }

  #enqueue(body: string | Uint8Array | undefined): void {
    if (body === undefined || body.length === 0) return
    this.#body?.enqueue(typeof body === 'string' ? encoder.encode(body) : body)
  }

  #finish(): void {
    this.#body?.close()
    this.#body = undefined
    this.#settle('server-close')
  }

  /** What fails before the answer is the answer, and what fails before the end of its body ends that. */
  #hookFailed(error: unknown): void {
    if (this.isOpen) this.#fail(error)
    else if (this.#served !== undefined) this.#served.failed(error)
    // oxlint-disable-next-line no-console -- the last resort: another host has no way to be told
    else console.error('http-core: A callback of a channel failed', error)
  }

  #fail(error: unknown): void {
    this.#answer.reject(error)
    this.#body?.error(error)
    this.#body = undefined
    this.#settle('server-close')
  }

  #settle(status: ChannelCloseStatus): void {
    this.#room?.resolve()
    this.#room = undefined
    this.#end.settle(status)
  }
}
