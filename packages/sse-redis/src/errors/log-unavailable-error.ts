/**
 * Redis could not be asked, or would not. Nothing has happened.
 *
 * - `log-unavailable`: it could not be reached within `commandTimeoutMs`, or refuses (see `cause`).
 * - `too-many-pending`: `maxPendingEvents` events wait to be appended already.
 *
 * Not this error: an append that was sent and never answered, see `OutcomeUnknownError`.
 */
export class LogUnavailableError extends Error {
  override readonly name = 'LogUnavailableError'
  readonly code: 'log-unavailable' | 'too-many-pending'
  /** What was to be done. */
  readonly operation: string

  constructor(code: LogUnavailableError['code'], operation: string, fact: string, options?: ErrorOptions) {
    super(`Could not ${operation}: ${fact}`, options)
    this.code = code
    this.operation = operation
  }
}
