import { lightPartsOf } from '../../response/light-response.ts'
import { isResponse } from '../../response/response-head.ts'
import { shorten } from '../../errors/shorten.ts'
import type { WireResponse } from '../message/wire.ts'

/** More than this is not gathered: it is sent as it comes. */
const maxGatheredBytes = 65_536

/** What the pump does with what it reads. */
export interface PumpTarget {
  readonly response: WireResponse
  /** The body ended before anything was sent: the whole content is known. */
  sendWhole(chunks: readonly Uint8Array[], size: number): void
  /** The body goes on: sends the head, and answers the length that it promised, if it did. */
  beginStream(): number | undefined
  /** The body has ended, after {@link PumpTarget.beginStream}. */
  endStream(): void
  /** The body, or its relation to the promised length, is broken. */
  failed(error: unknown): void
}

/**
 * Reads a body and writes it to a response.
 *
 *     gathering --- all there within the turn ----------> sendWhole: one write, with a Content-Length
 *        |
 *        +--- the turn is over, or it is too much ------> streaming: head at once, then chunk by chunk
 *
 * A native `Response` of a text is a stream like any other; what gives it away is that it ends without waiting for
 * anything. So the head of a streamed response leaves at the end of the turn in which the handler answered, whether or
 * not there is a first byte: an event stream must open before its first event.
 *
 * The pump never reads ahead: while the output is above its high-water mark, the body is not asked for more.
 */
export class BodyPump {
  readonly #target: PumpTarget
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #phase: 'gathering' | 'streaming' | 'over' = 'gathering'
  #gathered: Uint8Array[] = []
  #size = 0
  #promised: number | undefined

  constructor(target: PumpTarget, body: ReadableStream<Uint8Array>) {
    this.#target = target
    this.#reader = body.getReader()
  }

  /** @param mode - `'at-once'` sends the head before anything is read. */
  start(mode: 'gather' | 'at-once'): void {
    if (this.#phase === 'over') return
    if (mode === 'at-once') {
      this.#beginStream()
    } else {
      // Node runs its next ticks when no microtask is left: by then a body that waits for nothing has ended.
      queueMicrotask(() => {
        process.nextTick(() => {
          if (this.#phase === 'gathering') this.#beginStream()
        })
      })
    }
    this.#readNext()
  }

  /** The rest is not needed. If cancelling the body throws, the error belongs to the handler. */
  cancel(reason: unknown, failed: (error: unknown) => void): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#gathered = []
    this.#target.response.off('drain', this.#onDrain)
    this.#reader.cancel(reason).catch(failed)
  }

  #beginStream(): void {
    this.#phase = 'streaming'
    const gathered = this.#gathered
    this.#gathered = []
    this.#size = 0
    try {
      this.#promised = this.#target.beginStream()
    } catch (error) {
      // Headers lets control characters pass that Node refuses.
      this.#fail(error)
      return
    }
    // The target may have done with it.
    if (this.#isOver()) return
    for (const chunk of gathered) this.#write(chunk)
  }

  #isOver(): boolean {
    return this.#phase === 'over'
  }

  #readNext(): void {
    this.#reader.read().then(this.#onRead, this.#onError)
  }

  readonly #onRead = (result: { readonly done: boolean; readonly value?: unknown }): void => {
    if (this.#phase === 'over') return
    if (result.done) {
      this.#end()
      return
    }
    const chunk = result.value
    if (!(chunk instanceof Uint8Array)) {
      this.#fail(new TypeError(`The body of a response: expected Uint8Arrays, got ${shorten(chunk)}.`))
      return
    }
    if (this.#phase === 'gathering') {
      this.#gathered.push(chunk)
      this.#size += chunk.length
      if (this.#size > maxGatheredBytes) this.#beginStream()
      this.#readUnlessFull()
    } else if (this.#write(chunk)) {
      this.#readUnlessFull()
    }
  }

  readonly #onError = (error: unknown): void => {
    if (this.#phase !== 'over') this.#fail(error)
  }

  readonly #onDrain = (): void => {
    if (this.#phase === 'streaming') this.#readNext()
  }

  #readUnlessFull(): void {
    if (this.#phase === 'over') return
    const { response } = this.#target
    if (response.writableNeedDrain) response.once('drain', this.#onDrain)
    else this.#readNext()
  }

  /** False if the chunk was more than had been promised, and all is over. */
  #write(chunk: Uint8Array): boolean {
    if (this.#promised !== undefined) {
      this.#promised -= chunk.length
      if (this.#promised < 0) {
        this.#fail(contentLengthError('longer'))
        return false
      }
    }
    this.#target.response.write(chunk)
    return true
  }

  #end(): void {
    if (this.#phase === 'gathering') {
      this.#phase = 'over'
      this.#target.sendWhole(this.#gathered, this.#size)
      return
    }
    if (this.#promised !== undefined && this.#promised > 0) {
      this.#fail(contentLengthError('shorter'))
      return
    }
    this.#phase = 'over'
    this.#target.endStream()
  }

  #fail(fault: unknown): void {
    this.#phase = 'over'
    this.#reader.cancel(fault).catch(() => {
      // The fault is being reported already; a second one of the same body adds nothing.
    })
    this.#target.failed(fault)
  }
}

export function contentLengthError(actual: 'shorter' | 'longer'): Error {
  return new Error(`The body of the response is ${actual} than its Content-Length`)
}

/** Cancels the body of a response that will not be read. */
export function discardBody(given: unknown, reason: unknown, failed: (error: unknown) => void): void {
  if (!isResponse(given) || lightPartsOf(given) !== undefined) return
  const { body } = given
  if (body !== null && !body.locked) body.cancel(reason).catch(failed)
}
