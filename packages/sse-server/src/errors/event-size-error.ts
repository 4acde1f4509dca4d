/** An event that is larger than the hub allows. Nothing of it was stored. */
export class EventSizeError extends Error {
  override readonly name = 'EventSizeError'
  readonly code = 'event-too-large'
  /** The size of its data in bytes of UTF-8, or a lower bound of it. */
  readonly size: number
  readonly limit: number

  constructor(size: number, limit: number) {
    super(`The event's data has ${size} bytes or more, over the ${limit} of maxEventBytes`)
    this.size = size
    this.limit = limit
  }
}
