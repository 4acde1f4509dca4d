import { OptionError } from '../errors/option-error.ts'
import type { Runtime } from '../runtime.ts'

// All of them throw an OptionError. Undefined stands for the default of an option, which `checkRequired` does not accept.

/** One of some words. */
export function checkChoice(option: string, value: unknown, choices: readonly string[]): void {
  if (value === undefined || choices.some((choice) => choice === value)) return
  throw new OptionError(option, value, quoted(choices, ' or '))
}

export function checkFunction(option: string, value: unknown): void {
  if (value !== undefined) checkRequired(option, value)
}

/** A function that must be given. */
export function checkRequired(option: string, value: unknown): void {
  if (typeof value !== 'function') throw new OptionError(option, value, 'a function')
}

/** An object with these methods. */
export function checkMethods(
  option: string,
  value: unknown,
  methods: readonly string[],
  expected = `an object with ${methods.join(', ')}`,
): void {
  if (value === undefined) return
  const isObject = typeof value === 'object' && value !== null
  const missing = methods.filter((method) => !isObject || typeof Reflect.get(value, method) !== 'function')
  if (isObject && missing.length === 0) return
  const lacks = isObject && missing.length > 0 ? ` (this one lacks ${missing.join(', ')})` : ''
  throw new OptionError(option, value, expected + lacks)
}

/** A list whose every item is what it should be; a string, whose items would be its characters, is not a list. */
export function checkList(
  option: string,
  value: unknown,
  isItem: (item: unknown) => boolean,
  items: string,
): void {
  if (value === undefined) return
  const wrong = Array.isArray(value) ? value.findIndex((item) => !isItem(item)) : undefined
  if (wrong === -1) return
  throw new OptionError(
    option,
    wrong === undefined ? value : (value as unknown[])[wrong],
    `a list of ${items}`,
  )
}

/** Which origins may: one of the words, a list, or a function of the origin. */
export function checkOrigins(option: string, value: unknown, words: readonly string[]): void {
  if (value === undefined || typeof value === 'function' || words.some((word) => word === value)) return
  const items = 'origins such as https://app.example'
  if (Array.isArray(value)) checkList(option, value, isOrigin, items)
  else throw new OptionError(option, value, `${quoted(words, ', ')}, a list of ${items}, or a function`)
}

/** An origin is compared as a whole: `https://app.example/` would never match, silently. */
function isOrigin(item: unknown): boolean {
  if (typeof item !== 'string') return false
  return item === 'null' || (URL.canParse(item) && new URL(item).origin === item)
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
export function isToken(item: unknown): boolean {
  return typeof item === 'string' && token.test(item)
}

/**
 * Visible ASCII, spaces and tabs inside: anything else could end the field.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.5
 */
export function checkFieldValue(option: string, value: unknown): void {
  if (value === undefined) return
  if (typeof value === 'string' && /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(value)) return
  throw new OptionError(option, value, 'visible ASCII text')
}

/** Bytes: 0 for no content at all, Infinity for no limit. */
export function checkBodyLimit(option: string, value: unknown): void {
  if (value === undefined || value === Infinity || (Number.isSafeInteger(value) && Number(value) >= 0)) return
  throw new OptionError(option, value, 'an integer of at least 0, or Infinity')
}

export function isFunction(item: unknown): boolean {
  return typeof item === 'function'
}

function quoted(words: readonly string[], separator: string): string {
  return words.map((word) => `'${word}'`).join(separator)
}

const runtimeMembers = ['now', 'wallClock', 'setTimeout', 'clearTimeout', 'endOfTurn'] as const

/** A part of a runtime: timers come and go together, or one would clear what the other has never seen. */
export function checkRuntime(option: string, value: Partial<Runtime> | undefined): void {
  if (value === undefined) return
  checkMethods(option, value, [], 'an object with members of a Runtime')
  for (const member of runtimeMembers) checkFunction(`${option}.${member}`, value[member])
  if ((value.setTimeout === undefined) !== (value.clearTimeout === undefined)) {
    throw new OptionError(option, value, 'setTimeout and clearTimeout together')
  }
}
