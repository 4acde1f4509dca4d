import { shorten } from './shorten.ts'

/**
 * `stale-producer`: another producer of this id has begun a newer epoch, and this one must stop. `sequence-gap`: an event
 * before this one was not stored; go on with `expected`.
 */
export type ProducerSequenceErrorCode = 'stale-producer' | 'sequence-gap'

/** A producer's event that does not follow the one before it. Nothing was stored. */
export class ProducerSequenceError extends Error {
  override readonly name = 'ProducerSequenceError'
  readonly code: ProducerSequenceErrorCode
  /** The producer's id, shortened. */
  readonly producer: string
  /** The epoch, and the number in it, that the log would store next. */
  readonly expected: { readonly epoch: number; readonly seq: number }

  constructor(
    code: ProducerSequenceErrorCode,
    producer: { readonly id: string; readonly epoch: number; readonly seq: number },
    expected: { readonly epoch: number; readonly seq: number },
  ) {
    const shown = shorten(producer.id)
    super(
      code === 'stale-producer'
        ? `Epoch ${producer.epoch} of the producer ${shown} is over: it is in epoch ${expected.epoch}`
        : `The producer ${shown} skips events: expected number ${expected.seq} of epoch ${expected.epoch}, got ${producer.seq}`,
    )
    this.code = code
    this.producer = shown
    this.expected = expected
  }
}
