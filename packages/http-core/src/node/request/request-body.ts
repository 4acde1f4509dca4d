import { HttpError, tooLargeError } from '../../errors/http-error.ts'
import type { Runtime } from '../../runtime.ts'
import type { WireRequest } from '../message/wire.ts'

/** How long a body may be slow: see `bodyIdleTimeoutMs`. */
export interface BodyPatience {
  readonly bodyIdleTimeoutMs: number
  readonly runtime: Pick<Runtime, 'now' | 'setTimeout' | 'clearTimeout'>
}

const utf8 = new TextDecoder()

/** What has to come within the time: less is how a client holds a connection with next to nothing. */
const leastProgressBytes = 1024

/** What the reading of a body needs of the request around it. */
export interface BodyOwner {
  readonly message: WireRequest
  /** Bytes; then the reading fails with 413. */
  readonly maxBodyBytes: number
  readonly patience: BodyPatience
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
  collect(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#gather(joined)
  }

  /** The whole content as text. Rejects as {@link RequestBody.collect} does. */
  text(): Promise<string> {
    // Most of it comes in one piece, which need not be copied to be decoded.
    return this.#gather((chunks) => utf8.decode(chunks.length === 1 ? chunks[0] : joined(chunks)))
  }

  #gather<T>(finish: (chunks: readonly Uint8Array[]) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = []
      this.#read(
        (chunk) => {
          chunks.push(chunk)
        },
        () => {
          resolve(finish(chunks))
        },
        reject,
      )
    })
  }

  /** The content as it comes. Fails as {@link RequestBody.collect} does. */
  stream(): ReadableStream<Uint8Array> {
    const { message } = this.#owner
    let reading: Reading | undefined
    return new ReadableStream(
      {
        type: 'bytes',
        pull: (controller) => {
          if (reading !== undefined) {
            reading.goOn()
            return
          }
          reading = this.#read(
            (chunk) => {
              // A copy: a byte stream takes the buffer away from us, and Node's holds other requests' bytes too.
              controller.enqueue(new Uint8Array(chunk))
              if ((controller.desiredSize ?? 0) <= 0) reading?.wait()
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
          reading?.stop()
          message.pause()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Begins to read. Exactly one of `done` and `failed` is called, unless the reading is stopped before. */
  #read(take: (chunk: Uint8Array) => void, done: () => void, failed: (error: unknown) => void): Reading {
    const { message, maxBodyBytes, patience } = this.#owner
    this.#isBegun = true
    if (message.destroyed && !message.readableEnded) {
      failed(goneError())
      return { wait() {}, goOn() {}, stop() {} }
    }
    // Before `100 Continue`, and before a byte of it is taken.
    const announced = Number(message.headers['content-length'] ?? Number.NaN)
    if (announced > maxBodyBytes) {
      failed(tooLargeError(maxBodyBytes))
      return { wait() {}, goOn() {}, stop() {} }
    }
    const { bodyIdleTimeoutMs, runtime } = patience
    let size = 0
    let sizeAtStart = 0
    let timer: unknown
    /** Since when the reader is the side that is waited for. */
    let waitingSince: number | undefined
    /** How much of the client's time the reader took, in milliseconds. */
    let waitedMs = 0
    const startTimer = (): void => {
      sizeAtStart = size
      // If everything has arrived, nothing waits for the client any more.
      const isWhole = message.complete || size === announced
      if (bodyIdleTimeoutMs > 0 && !isOver && !isWhole)
        timer = runtime.setTimeout(onTimeout, bodyIdleTimeoutMs)
    }
    const goOn = (): void => {
      if (waitingSince !== undefined) waitedMs += Math.max(0, runtime.now() - waitingSince)
      waitingSince = undefined
    }
    let isOver = false
    const finish = (): void => {
      isOver = true
      if (timer !== undefined) runtime.clearTimeout(timer)
    }
    const stop = (): void => {
      finish()
      message.off('data', onData).off('end', onEnd).off('error', onClose).off('close', onClose)
    }
    const fail = (error: unknown): void => {
      stop()
      message.pause()
      failed(error)
    }
    const onTimeout = (): void => {
      if (waitingSince !== undefined) {
        goOn()
        waitingSince = runtime.now()
      }
      if (waitedMs > 0) {
        const more = Math.min(waitedMs, bodyIdleTimeoutMs)
        waitedMs = 0
        timer = runtime.setTimeout(onTimeout, more)
      } else if (size - sizeAtStart >= leastProgressBytes) {
        startTimer()
      } else {
        fail(tooSlowError())
      }
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > maxBodyBytes) fail(tooLargeError(maxBodyBytes))
      else take(chunk)
    }
    const onEnd = (): void => {
      // The listeners stay on a message that has nothing more to say: to take them off costs more than it is worth.
      finish()
      done()
    }
    const onClose = (): void => {
      if (isOver) return
      stop()
      failed(goneError())
    }
    this.#owner.bodyWanted()
    message.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose)
    message.resume()
    // Content that came with its head, as most that is small, has been taken in by then.
    process.nextTick(startTimer)
    return {
      wait: () => {
        waitingSince ??= runtime.now()
        message.pause()
      },
      goOn: () => {
        goOn()
        message.resume()
      },
      stop,
    }
  }
}

/** A body that is being read. */
interface Reading {
  /** The reader has enough for now: the client's time does not run. */
  wait(): void
  goOn(): void
  /** Neither `done` nor `failed` is called any more. */
  stop(): void
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9 */
function tooSlowError(): HttpError {
  return new HttpError(408, 'The request content comes too slowly.', { headers: { connection: 'close' } })
}

/** The reason of everything that ends because the client went away. */
export function goneError(): DOMException {
  return new DOMException('The client went away', 'AbortError')
}
