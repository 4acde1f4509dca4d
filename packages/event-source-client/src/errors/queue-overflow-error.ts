/** More than `maxBufferedBytes` waited for a slow reader, and `slowConsumer` is `'fail'`. */
export class QueueOverflowError extends Error {
  override readonly name = 'QueueOverflowError'
  readonly code = 'queue-overflow'
  readonly maxBufferedBytes: number

  constructor(maxBufferedBytes: number) {
    super(`More than maxBufferedBytes (${maxBufferedBytes}) wait for the reader`)
    this.maxBufferedBytes = maxBufferedBytes
  }
}
