/**
 * An event, or a line that does not end, grew beyond `maxEventBytes`.
 *
 * The stream is closed and not reconnected by default: the server would send the same event again.
 */
export class EventSizeError extends Error {
  override readonly name = 'EventSizeError'
  readonly code = 'event-too-large'
  readonly maxEventBytes: number

  constructor(maxEventBytes: number) {
    super(`An event exceeds maxEventBytes (${maxEventBytes})`)
    this.maxEventBytes = maxEventBytes
  }
}
