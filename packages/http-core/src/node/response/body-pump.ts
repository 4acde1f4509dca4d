import { lightPartsOf } from '../../response/light-response.ts'
import { isResponse } from '../../response/response-head.ts'
import { shorten } from '../../errors/shorten.ts'
import type { WireResponse } from '../message/wire.ts'

/** Up to this much is collected before it is sent. A longer body is streamed. */
const maxGatheredBytes = 65_536

/** Sends what a {@link BodyPump} reads. */
export interface PumpTarget {
  readonly response: WireResponse
  /** Sends a complete response, because the body ended before anything was sent. */
  sendWhole(chunks: readonly Uint8Array[], size: number): void
  /** Sends the head, because the body continues. Returns the length that the head promises; undefined if it promises none. */
  beginStream(): number | undefined
  /** Ends the response, because the body has ended after {@link PumpTarget.beginStream}. */
  endStream(): void
  /** Called if the body fails, or does not match the promised length. */
  failed(error: unknown): void
}

/**
 * Reads a body and writes it to a response.
 *
 *     gathering --- all there within the turn ----------> sendWhole: one write, with a Content-Length
 *        |
 *        +--- the turn is over, or it is too much ------> streaming: head at once, then chunk by chunk
 *
 * A native `Response` with a text has a stream like any other response, but its stream ends without waiting for anything.
 * The pump therefore sends the head of a streamed response at the end of the turn in which the handler answered, even
 * without a first byte, because an event stream must open before its first event.
 *
 * The pump never reads ahead: while the output is above its high-water mark, it does not read from the body.
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
      // Node runs its next ticks when no microtask is left. A body that waits for nothing has ended by then.
      queueMicrotask(() => {
        process.nextTick(() => {
          if (this.#phase === 'gathering') this.#beginStream()
        })
      })
    }
    this.#readNext()
  }

  /** Cancels the body, because the rest is not needed. `failed` gets the error if cancelling fails. */
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
      // Node refuses some control characters that `Headers` accepts.
      this.#fail(error)
      return
    }
    // The target may have cancelled the pump.
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

  /** Returns false if the body exceeds the promised length, in which case the response has failed. */
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
      // The fault is already reported. An error while cancelling adds nothing.
    })
    this.#target.failed(fault)
  }
}

export function contentLengthError(actual: 'shorter' | 'longer'): Error {
  return new Error(`The body of the response is ${actual} than its Content-Length`)
}

/** Cancels the body of a response, because it will not be read. */
export function discardBody(given: unknown, reason: unknown, failed: (error: unknown) => void): void {
  if (!isResponse(given) || lightPartsOf(given) !== undefined) return
  const { body } = given
  if (body !== null && !body.locked) body.cancel(reason).catch(failed)
}
