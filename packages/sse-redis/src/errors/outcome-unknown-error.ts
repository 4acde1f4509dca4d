/**
 * The connection failed after a command was sent, and it is no longer possible to find out whether Redis ran it. If you publish
 * the event again, readers may get it twice.
 */
export class OutcomeUnknownError extends Error {
  override readonly name = 'OutcomeUnknownError'
  readonly code = 'outcome-unknown'
  /** What may have happened, such as `append to orders.42`. */
  readonly operation: string

  constructor(operation: string, fact: string, options?: ErrorOptions) {
    super(`Could not find out whether Redis did this: ${operation}. ${fact}`, options)
    this.operation = operation
  }
}
