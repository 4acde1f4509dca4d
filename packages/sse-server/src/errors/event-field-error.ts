import { shorten } from './shorten.ts'

/** Which field of an event cannot be written, and why; see the codes of {@link EventFieldError}. */
export type EventFieldErrorCode =
  | 'invalid-event'
  | 'invalid-id'
  | 'invalid-retry'
  | 'invalid-comment'
  | 'invalid-data'
  | 'missing-data'
  | 'reserved-event'

/**
 * An event that cannot be written as what it says. Nothing of it has been sent.
 *
 * - `invalid-event`: the event is not an object, its type is not a string, or its type contains CR or LF.
 * - `invalid-id`: the id is not a string, or holds CR, LF or NUL.
 * - `invalid-retry`: not a non-negative integer, or a string.
 * - `invalid-comment`: not a string.
 * - `invalid-data`: JSON has no form for it (`undefined`, a function, a cycle, a BigInt, a promise), or its schema refuses it.
 * - `missing-data`: there is an event type but no data, so no event source would ever dispatch it.
 * - `reserved-event`: a hub keeps the event types that begin with `stream.` for itself.
 *
 * Not this error: an event larger than a hub allows, see `EventSizeError`.
 */
export class EventFieldError extends Error {
  override readonly name = 'EventFieldError'
  readonly code: EventFieldErrorCode
  /** The field as it is called in the event stream format. */
  readonly field: 'event' | 'id' | 'retry' | 'data' | 'comment'
  /** The value, shortened to one line. */
  readonly value: string

  constructor(
    code: EventFieldErrorCode,
    field: EventFieldError['field'],
    value: unknown,
    fact: string,
    options?: ErrorOptions,
  ) {
    const shown = shorten(value)
    super(`${fact}: ${shown}`, options)
    this.code = code
    this.field = field
    this.value = shown
  }
}
