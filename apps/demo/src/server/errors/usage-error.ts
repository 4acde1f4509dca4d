/** The command line cannot be understood. The message is one line, for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'usage'
}
