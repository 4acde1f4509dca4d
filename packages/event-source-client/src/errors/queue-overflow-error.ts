/** More than `maxBufferedBytes` waited for a slow reader, and `slowConsumer` is `'fail'`. */
export class QueueOverflowError extends Error {
  override readonly name = 'QueueOverflowError'
  readonly code = 'queue-overflow'
  readonly maxBufferedBytes: number

  constructor(maxBufferedBytes: number) {
    super(`What waits exceeds maxBufferedBytes (${maxBufferedBytes})`)
    this.maxBufferedBytes = maxBufferedBytes
  }
}
