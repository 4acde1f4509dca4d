import { shorten } from '../shorten.ts'

/** An option has a value that it cannot have. Thrown by the call that was given the option, before anything happens. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly code = 'invalid-option'
  readonly option: string
  readonly value: unknown

  constructor(option: string, value: unknown, expected: string, cause?: unknown) {
    super(
      `The option ${option} must be ${expected}, not ${shorten(value)}`,
      cause === undefined ? undefined : { cause },
    )
    this.option = option
    this.value = value
  }
}
