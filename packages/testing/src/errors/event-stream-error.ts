/**
 * - `not-an-event-stream`: the status is not 200, the content type is not `text/event-stream`, or there is no body.
 * - `ended`: the stream ended before the events that the test waited for.
 * - `broken`: the body failed; `cause` is the error of the body.
 */
export type EventStreamErrorCode = 'not-an-event-stream' | 'ended' | 'broken'

/** A response did not give the events that a test wanted to read from it. */
export class EventStreamError extends Error {
  override readonly name = 'EventStreamError'
  readonly code: EventStreamErrorCode

  constructor(code: EventStreamErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
