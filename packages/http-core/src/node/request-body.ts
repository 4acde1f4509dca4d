import type { IncomingMessage } from 'node:http'
import { HttpError } from '../errors/http-error.ts'

/** What the reading of a body needs of the request around it. */
export interface BodyOwner {
  readonly message: IncomingMessage
  /** Bytes; then the reading fails with 413. */
  readonly maxBodyBytes: number
  /** Called before the first byte is asked for: the moment for `100 Continue`. */
  bodyWanted(): void
}

/**
 * The content of one request. Nothing is read from the socket before somebody asks, and a reader that is slow makes the
 * client wait: TCP pushes back.
 */
export class RequestBody {
  readonly #owner: BodyOwner
  #isBegun = false

  constructor(owner: BodyOwner) {
    this.#owner = owner
  }

  /** Whether anybody has begun to read. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** The whole content. Rejects with an HttpError of 413 above the limit, with an AbortError when the client goes away. */
  async collect(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = []
    let size = 0
    await new Promise<void>((resolve, reject) => {
      this.#read(
        (chunk) => {
          chunks.push(chunk)
          size += chunk.length
        },
        resolve,
        reject,
      )
    })
    const whole = new Uint8Array(size)
    let offset = 0
    for (const chunk of chunks) {
      whole.set(chunk, offset)
      offset += chunk.length
    }
    return whole
  }

  /** The content as it comes. Fails as {@link RequestBody.collect} does. */
  stream(): ReadableStream<Uint8Array> {
    const { message } = this.#owner
    let stop: (() => void) | undefined
    return new ReadableStream(
      {
        type: 'bytes',
        pull: (controller) => {
          if (stop !== undefined) {
            message.resume()
            return
          }
          stop = this.#read(
            (chunk) => {
              // A copy: a byte stream takes the buffer away from us, and Node's holds other requests' bytes too.
              controller.enqueue(new Uint8Array(chunk))
              if ((controller.desiredSize ?? 0) <= 0) message.pause()
            },
            () => {
              controller.close()
              // A reader that brought its own buffer gets it back only by this.
              controller.byobRequest?.respond(0)
            },
            (error) => {
              controller.error(error)
            },
          )
        },
        cancel: () => {
          stop?.()
          message.pause()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Begins to read. Exactly one of `done` and `failed` is called, unless the function it returns is called before. */
  #read(take: (chunk: Uint8Array) => void, done: () => void, failed: (error: unknown) => void): () => void {
    const { message, maxBodyBytes } = this.#owner
    this.#isBegun = true
    if (message.destroyed && !message.readableEnded) {
      failed(goneError())
      return () => {}
    }
    let size = 0
    const stop = (): void => {
      message.off('data', onData).off('end', onEnd).off('error', onClose).off('close', onClose)
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > maxBodyBytes) {
        stop()
        message.pause()
        failed(tooLargeError(maxBodyBytes))
        return
      }
      take(chunk)
    }
    const onEnd = (): void => {
      stop()
      done()
    }
    const onClose = (): void => {
      stop()
      failed(goneError())
    }
    this.#owner.bodyWanted()
    message.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose)
    message.resume()
    return stop
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5.14 */
function tooLargeError(maxBodyBytes: number): HttpError {
  return new HttpError(413, `The request content is larger than ${maxBodyBytes} bytes.`)
}

/** The reason of everything that ends because the client went away. */
export function goneError(): DOMException {
  return new DOMException('The client went away', 'AbortError')
}
