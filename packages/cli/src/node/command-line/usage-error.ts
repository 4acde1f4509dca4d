/** The command line does not say what can be done. The message names the part, and what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'usage'
}
