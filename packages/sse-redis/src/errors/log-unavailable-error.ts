/**
 * Redis could not be reached, or refused. Nothing was stored.
 *
 * - `log-unavailable`: Redis did not answer within `commandTimeoutMs`, or refused (see `cause`).
 * - `too-many-pending`: as many events as `maxPendingEvents` or `maxPendingBytes` allows are waiting to be appended already.
 *
 * An append that was sent and never answered rejects with `OutcomeUnknownError` instead.
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
