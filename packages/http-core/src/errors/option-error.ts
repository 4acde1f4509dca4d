import { shorten } from './shorten.ts'

/** An option has an invalid value. The function that takes the option throws this before it does anything else. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly code = 'invalid-option'
  /** The option's name. The name of a nested option has dots, as in `proxyProtocol.mode`. */
  readonly option: string
  readonly value: unknown

  constructor(option: string, value: unknown, expected: string, options?: ErrorOptions) {
    super(`${option}: expected ${expected}, got ${shorten(value)}.`, options)
    this.option = option
    this.value = value
  }
}
