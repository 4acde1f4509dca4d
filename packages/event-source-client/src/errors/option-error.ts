/**
 * An option has a value that cannot work. Thrown at the call that was given the option, never later.
 *
 * Not for values that the user's functions produce per attempt; those are a `ConnectionError`.
 */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly code = 'invalid-option'
  /** The name of the option, dotted if nested: `reconnection.baseDelayMs`. */
  readonly option: string
  readonly value: unknown

  constructor(option: string, value: unknown, expected: string, options?: ErrorOptions) {
    // Not String() for objects: it throws for one without a prototype, and prints all of a function.
    const shown = Object(value) === value ? typeof value : String(value)
    super(`${option}: expected ${expected}, got ${shown.slice(0, 60)}.`, options)
    this.option = option
    this.value = value
  }
}
