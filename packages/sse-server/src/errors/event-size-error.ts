/** An event, or a batch of them, that is larger than the hub allows. Nothing of it was stored. */
export class EventSizeError extends Error {
  override readonly name = 'EventSizeError'
  readonly code = 'event-too-large'
  /** The size of its data in bytes of UTF-8, or a lower bound of it. */
  readonly size: number
  readonly limit: number

  constructor(size: number, limit: number, of: 'event' | 'batch' = 'event') {
    super(
      of === 'event'
        ? `The event's data has ${size} bytes or more, over the ${limit} of maxEventBytes`
        : `The data of the batch has ${size} bytes, over the ${limit} that a batch may have`,
    )
    this.size = size
    this.limit = limit
  }
}
