import { shorten } from './shorten.ts'

/** An option, or an argument, has a value that cannot work. The call that was given the value throws it. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly code = 'invalid-option'
  /** The option's name, with dots for nested options: `toClient.latencyMs`. */
  readonly option: string
  readonly value: unknown

  constructor(option: string, value: unknown, expected: string, options?: ErrorOptions) {
    super(`${option}: expected ${expected}, got ${shorten(value)}.`, options)
    this.option = option
    this.value = value
  }
}
