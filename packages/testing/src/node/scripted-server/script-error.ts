/**
 * - `script-ended`: a request came for which the list of scripts has no entry.
 * - `script-threw`: a script threw something that is not an Error; `cause` is what it threw.
 */
export type ScriptErrorCode = 'script-ended' | 'script-threw'

/** What went wrong in a scripted server. An Error that a script throws is passed on as it is. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
  readonly code: ScriptErrorCode

  constructor(code: ScriptErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
