import { HttpError, tooLargeError } from '../../errors/http-error.ts'
import type { Runtime } from '../../runtime.ts'
import type { WireRequest } from '../message/wire.ts'

/** How long a client may take to send content: see `bodyIdleTimeoutMs`. */
export interface BodyPatience {
  readonly bodyIdleTimeoutMs: number
  readonly runtime: Pick<Runtime, 'now' | 'setTimeout' | 'clearTimeout'>
}

const utf8 = new TextDecoder()

/** The minimum amount that must arrive within the time. With less, a client could hold a connection at almost no cost. */
const leastProgressBytes = 1024

/** The parts of a request that reading its body needs. */
export interface BodyOwner {
  readonly message: WireRequest
  /** The maximum size in bytes. Reading more fails with 413. */
  readonly maxBodyBytes: number
  readonly patience: BodyPatience
  /** Called before the first byte is read, so that the owner can send `100 Continue`. */
  bodyWanted(): void
}

/**
 * The content of one request. Nothing is read from the socket before the handler reads, and a slow handler makes the client
 * wait (TCP backpressure).
 */
export class RequestBody {
  readonly #owner: BodyOwner
  #isBegun = false

  constructor(owner: BodyOwner) {
    this.#owner = owner
  }

  /** Whether reading has begun. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** Reads the whole content. Rejects with an HttpError of 413 above the limit, or an AbortError if the client leaves. */
  collect(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#gather(joined)
  }

  /** Reads the whole content as text. Rejects like {@link RequestBody.collect}. */
  text(): Promise<string> {
    // Most content arrives in one piece, which can be decoded without a copy.
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

  /** Streams the content as it arrives. Fails like {@link RequestBody.collect}. */
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
              // Copied, because a byte stream detaches the buffer, and Node's buffer also holds bytes of other requests.
              controller.enqueue(new Uint8Array(chunk))
              if ((controller.desiredSize ?? 0) <= 0) reading?.wait()
            },
            () => {
              controller.close()
              // This returns the buffer to a reader that supplied its own.
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

  /** Starts reading. Calls exactly one of `done` and `failed`, unless reading is stopped first. */
  #read(take: (chunk: Uint8Array) => void, done: () => void, failed: (error: unknown) => void): Reading {
    const { message, maxBodyBytes, patience } = this.#owner
    this.#isBegun = true
    if (message.destroyed && !message.readableEnded) {
      failed(goneError())
      return { wait() {}, goOn() {}, stop() {} }
    }
    // Checked before `100 Continue` is sent and before any byte is read.
    const announced = Number(message.headers['content-length'] ?? Number.NaN)
    if (announced > maxBodyBytes) {
      failed(tooLargeError(maxBodyBytes))
      return { wait() {}, goOn() {}, stop() {} }
    }
    const { bodyIdleTimeoutMs, runtime } = patience
    let size = 0
    let sizeAtStart = 0
    let timer: unknown
    /** The time since which the client waits for the reader; undefined while the reader waits for the client. */
    let waitingSince: number | undefined
    /** How long the client had to wait for the reader, in milliseconds. This time does not count against the client. */
    let waitedMs = 0
    const startTimer = (): void => {
      sizeAtStart = size
      // If all content has arrived, the client owes nothing more.
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
      // The listeners stay on the message. It emits nothing more, so removing them is not worth the cost.
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
    // Small content mostly arrives together with its head, and has been read by then.
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
  /** Pauses reading. The client's time does not run meanwhile. */
  wait(): void
  goOn(): void
  /** Stops reading. Neither `done` nor `failed` is called afterwards. */
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
  return new HttpError(408, 'The request content arrives too slowly.', { headers: { connection: 'close' } })
}

/** The abort reason for everything that ends because the client has left. */
export function goneError(): DOMException {
  return new DOMException('The client went away', 'AbortError')
}
