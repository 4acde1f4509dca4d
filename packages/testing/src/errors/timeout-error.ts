/** Something that a test waited for did not happen in time. The message says what, and what happened instead. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
  readonly code = 'timeout'
  readonly timeoutMs: number

  constructor(what: string, timeoutMs: number, seen = '') {
    super(`${what} did not happen within ${timeoutMs} ms${seen === '' ? '' : `; ${seen}`}`)
    this.timeoutMs = timeoutMs
  }
}
