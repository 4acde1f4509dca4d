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
import { readMessage } from './message-content.ts'
import type { ContentSource } from './message-content.ts'
import { SendQueue } from './send-queue.ts'

const highWaterMarkBytes = 65_536
const encoder = new TextEncoder()

/**
 * A channel whose output is one HTTP response. The first send decides the form of the response:
 *
 *     send(m)                        -> a whole response, with its Content-Length
 *     send(blob), send(stream)       -> a streamed response; for a Blob with its length and type
 *     send(m, { close: false }) ...  -> a streamed response, until a send closes it
 */
export class HttpChannel implements Channel {
  readonly kind = 'http'
  readonly protocol = undefined
  readonly response: Promise<Response>
  readonly #maxBufferedBytes: number
  readonly #served: ServedRequest | undefined
  readonly #end: CloseOnce
  readonly #answer: PromiseWithResolvers<Response>
  readonly #queue: SendQueue
  #body: ReadableStreamDefaultController<Uint8Array> | undefined
  #isHeadSent = false
  /** The server has closed the channel, but earlier messages may still be waiting. */
  #isClosing = false
  #room: PromiseWithResolvers<void> | undefined

  constructor(request: Request, hooks: ChannelHooks, maxBufferedBytes: number) {
    this.#maxBufferedBytes = maxBufferedBytes
    this.#answer = Promise.withResolvers()
    this.response = this.#answer.promise
    this.#served = servedRequestOf(request)
    const failed = (error: unknown): void => {
      this.#hookFailed(error)
    }
    this.#queue = new SendQueue((error) => {
      this.#fail(error)
    })
    this.#end = new CloseOnce(failed)
    void settled(hooks.init?.(this), failed)
    // From here on `close` is called exactly once.
    this.#end.onClose((status) => hooks.close?.(this, status))
    // A middleware may have replaced the response, and a body that is not sent is not cancelled either.
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
    return !this.#isClosing && !this.#end.isClosed
  }

  get bufferedBytes(): number {
    return this.#written + this.#queue.waitingBytes
  }

  /** The number of bytes in the body that the server has not read yet. */
  get #written(): number {
    return this.#body === undefined ? 0 : highWaterMarkBytes - (this.#body.desiredSize ?? 0)
  }

  send(message: ChannelMessage, { close = true }: SendOptions = {}): boolean {
    const { status, headers, bytes, source } = readMessage(message)
    if (!this.isOpen) {
      source?.cancel(closedError())
      return false
    }
    if (this.#isHeadSent) {
      if (status !== undefined || headers !== undefined) {
        throw new ChannelError(
          'head-sent',
          'send: expected a status and fields only in the first send, got them in a later send.',
        )
      }
    } else if (close && source === undefined) {
      this.#answer.resolve(new Response(bytes ?? null, responseInit(status, headers)))
      this.#isHeadSent = true
      this.#finish()
      return true
    } else {
      this.#openBody(responseInit(status, headers, close ? source?.blob : undefined))
    }
    this.#add(bytes, source)
    if (this.bufferedBytes > this.#maxBufferedBytes) {
      this.#fail(new DOMException('The client reads too slowly', 'AbortError'))
      return false
    }
    if (close) this.close()
    return true
  }

  async ready(): Promise<void> {
    await this.#queue.idle()
    await this.#hasRoom()
  }

  close(): boolean {
    if (!this.isOpen) return false
    if (!this.#isHeadSent) {
      this.#isHeadSent = true
      this.#answer.resolve(new Response(null, { status: 204 }))
    }
    this.#isClosing = true
    this.#queue.add({
      bytes: 0,
      send: () => {
        this.#finish()
      },
    })
    return true
  }

  /** Has no effect: over HTTP a channel receives nothing, since the handler reads the content of the request. */
  onReceive(listener: NonNullable<ChannelHooks['receive']>): void {
    checkRequired('listener', listener)
  }

  onPing(listener: NonNullable<ChannelHooks['ping']>): void {
    checkRequired('listener', listener)
  }

  onClose(listener: (status: ChannelCloseStatus) => unknown): void {
    this.#end.onClose(listener)
  }

  /** Answers with a streamed body, to which later sends are added. */
  #openBody(init: ResponseInit): void {
    let opened: ReadableStreamDefaultController<Uint8Array> | undefined
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          opened = controller
        },
        pull: () => {
          this.#room?.resolve()
          this.#room = undefined
        },
        cancel: () => {
          this.#body = undefined
          // If the client had left, the signal would have aborted first.
          this.#settle('server-close')
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: highWaterMarkBytes }),
    )
    // This throws for a status without content, before anything has changed.
    const response = new Response(body, init)
    this.#body = opened
    this.#isHeadSent = true
    this.#answer.resolve(response)
  }

  #add(bytes: string | Uint8Array | undefined, source: ContentSource | undefined): void {
    if (source !== undefined) {
      this.#queue.add({
        bytes: 0,
        send: () => this.#sendAll(source),
        cancel: (reason) => {
          source.cancel(reason)
        },
      })
    } else if (bytes !== undefined && bytes.length > 0) {
      const encoded = typeof bytes === 'string' ? encoder.encode(bytes) : bytes
      this.#queue.add({
        bytes: encoded.length,
        send: () => {
          this.#body?.enqueue(encoded)
        },
      })
    }
  }

  async #sendAll(source: ContentSource): Promise<void> {
    for (;;) {
      await this.#hasRoom()
      const piece = await source.read()
      // If the body is gone, the channel has ended and the source has been cancelled.
      if (piece === undefined || this.#body === undefined) return
      if (piece.length > 0) this.#body.enqueue(typeof piece === 'string' ? encoder.encode(piece) : piece)
    }
  }

  async #hasRoom(): Promise<void> {
    if (this.#end.isClosed || this.#body === undefined || (this.#body.desiredSize ?? 0) > 0) return
    this.#room ??= Promise.withResolvers()
    await this.#room.promise
  }

  #finish(): void {
    this.#body?.close()
    this.#body = undefined
    this.#settle('server-close')
  }

  /** While the channel is open, an error becomes the answer or breaks off the body. Later errors are only reported. */
  #hookFailed(error: unknown): void {
    if (this.isOpen) this.#fail(error)
    else if (this.#served !== undefined) this.#served.failed(error)
    // oxlint-disable-next-line no-console -- the last resort: another host has no way to report it
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
    this.#queue.clear(closedError())
    this.#end.settle(status)
  }
}

function responseInit(
  status: number | undefined,
  headers: ResponseInit['headers'],
  blob?: Blob,
): ResponseInit {
  if (blob === undefined) return { status: status ?? 200, ...(headers !== undefined && { headers }) }
  const fields = new Headers(headers)
  fields.set('content-length', String(blob.size))
  if (!fields.has('content-type') && blob.type !== '') fields.set('content-type', blob.type)
  return { status: status ?? 200, headers: fields }
}

/** The reason for cancelling content of a channel that has closed. */
export function closedError(): DOMException {
  return new DOMException('The channel is closed', 'AbortError')
}
