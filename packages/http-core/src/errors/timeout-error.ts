/** What {@link withTimeout} rejects with when the time is over before the task is. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
  readonly code = 'timeout'
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`The task was not done within ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}
