/**
 * A stream was closed as `slow-consumer` although its reader had little time to be slow: more was sent at once than may wait for it.
 * A client that comes back for the same is closed again. Wait for `ready()` between the events.
 */
export class BufferOverflowError extends Error {
  override readonly name = 'BufferOverflowError'
  readonly code = 'buffer-overflow'
  readonly bufferedBytes: number
  readonly limit: number

  constructor(bufferedBytes: number, limit: number) {
    super(
      `${bufferedBytes} bytes were sent to an event stream within a second, and not taken yet: the ${limit} of maxBufferedBytes ` +
        'are reached, and the stream is closed. Wait for `await stream.ready()` before each event, or yield the events from a generator.',
    )
    this.bufferedBytes = bufferedBytes
    this.limit = limit
  }
}
