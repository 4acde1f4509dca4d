/**
 * The connection failed after something was sent, and whether it was done cannot be found out: it may have been, or may
 * not. Appending the event once more may give it twice.
 */
export class OutcomeUnknownError extends Error {
  override readonly name = 'OutcomeUnknownError'
  readonly code = 'outcome-unknown'
  /** What was to be done. */
  readonly operation: string

  constructor(operation: string, fact: string, options?: ErrorOptions) {
    super(`Whether it could ${operation} is not known: ${fact}`, options)
    this.operation = operation
  }
}
