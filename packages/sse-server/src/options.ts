import { OptionError } from './errors/option-error.ts'

/** The longest delay that setTimeout takes; above it, it fires at once. */
export const maxTimerMs = 2_147_483_647

/** `value`, or `fallback` when it is absent. Zero is allowed, and means "off" wherever an option says so. */
export function durationOption(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !(value >= 0) || value > maxTimerMs) {
    throw new OptionError(option, value, `a number of milliseconds from 0 to ${maxTimerMs}`)
  }
  return value
}

/** A count or size of at least `least`; `Infinity` takes the limit away. */
export function limitOption(option: string, value: number | undefined, fallback: number, least = 1): number {
  if (value === undefined) return fallback
  if (value !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(value) || value < least)) {
    throw new OptionError(option, value, `an integer of at least ${least}, or Infinity`)
  }
  return value
}

export function choiceOption<const Choice extends string>(
  option: string,
  value: Choice | undefined,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  if (value === undefined) return choices[0]
  if (!choices.includes(value)) {
    throw new OptionError(option, value, `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`)
  }
  return value
}

export function stringOption(option: string, value: string | undefined): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw new OptionError(option, value, 'a string')
  return value
}

export function functionOption<T>(option: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== 'function') throw new OptionError(option, value, 'a function')
  return value
}

/** By its shape: a framework or a test may bring another AbortSignal. */
export function signalOption(option: string, value: AbortSignal | undefined): AbortSignal | undefined {
  if (value !== undefined && typeof value?.addEventListener !== 'function')
    throw new OptionError(option, value, 'an AbortSignal')
  return value
}

/** @throws {@link OptionError} if `value` is not a web Request. The usual mistake is to pass a node:http request. */
export function checkRequest(value: Request): void {
  // Not by its class: a framework may bring another one.
  if (typeof (value as Partial<Request> | null)?.headers?.get === 'function') return
  throw new OptionError('request', value, 'a web Request, as webRequest() makes one of a Node request')
}
