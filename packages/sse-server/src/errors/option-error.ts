import { shorten } from './shorten.ts'

/** An option that has no meaning. Thrown by the call that was given it, before anything has happened. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly code = 'invalid-option'
  /** The option's name, with dots for nested ones. */
  readonly option: string
  /** The value, shortened to one line. */
  readonly value: string

  constructor(option: string, value: unknown, expected: string) {
    const shown = shorten(value)
    super(`${option} must be ${expected}, not ${shown}`)
    this.option = option
    this.value = shown
  }
}
