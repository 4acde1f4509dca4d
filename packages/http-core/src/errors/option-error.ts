import { shorten } from './shorten.ts'

/** An option has a value that it cannot have. Thrown by the call that was given the option, before anything happens. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly code = 'invalid-option'
  /** The option's name, with dots for nested ones. */
  readonly option: string
  readonly value: unknown

  constructor(option: string, value: unknown, expected: string, options?: ErrorOptions) {
    super(`${option}: expected ${expected}, got ${shorten(value)}.`, options)
    this.option = option
    this.value = value
  }
}
