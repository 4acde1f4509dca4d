/** A word on the command line that has no meaning. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly code = 'invalid-option'
  readonly option: string

  /** @param fact - What is wrong with the option, as the rest of a sentence that it begins. */
  constructor(option: string, fact: string, options?: ErrorOptions) {
    super(`${option} ${fact}`, options)
    this.option = option
  }
}
