/**
 * The file could not be used just now. Nothing was stored.
 *
 * - `log-unavailable`: another process kept the file locked for `commandTimeoutMs`, or the operating system refused (see
 *   `cause`).
 * - `too-many-pending`: as many events as `maxPendingEvents` or `maxPendingBytes` allows are waiting to be appended already.
 */
export class LogUnavailableError extends Error {
  override readonly name = 'LogUnavailableError'
  readonly code: 'log-unavailable' | 'too-many-pending'
  /** What failed, such as `append to orders.42`. */
  readonly operation: string

  constructor(code: LogUnavailableError['code'], operation: string, fact: string, options?: ErrorOptions) {
    super(`Could not ${operation}: ${fact}`, options)
    this.code = code
    this.operation = operation
  }
}
