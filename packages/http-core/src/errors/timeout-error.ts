/** {@link withTimeout} rejects with this error if the task takes too long. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
  readonly code = 'timeout'
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`The task did not finish within ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}
