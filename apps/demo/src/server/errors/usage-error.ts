/** The command line cannot be understood. The message is one line, written to whoever typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'usage'
}
