import { OptionError } from '../errors/option-error.ts'
import type { Runtime } from '../runtime.ts'

// Each check throws an OptionError. All except `checkRequired` accept undefined, which means the option's default.

/** The value must be one of `choices`. */
export function checkChoice(option: string, value: unknown, choices: readonly string[]): void {
  if (value === undefined || choices.some((choice) => choice === value)) return
  throw new OptionError(option, value, quoted(choices, ' or '))
}

export function checkFunction(option: string, value: unknown): void {
  if (value !== undefined) checkRequired(option, value)
}

/** The value must be a function; undefined is not allowed. */
export function checkRequired(option: string, value: unknown): void {
  if (typeof value !== 'function') throw new OptionError(option, value, 'a function')
}

/** The value must be an object with these methods. */
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

/** The value must be an array of valid items. A string is not accepted, though it could be iterated. */
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

/** The allowed origins: one of `words`, a list of origins, or a function that takes an origin. */
export function checkOrigins(option: string, value: unknown, words: readonly string[]): void {
  if (value === undefined || typeof value === 'function' || words.some((word) => word === value)) return
  const items = 'origins such as https://app.example'
  if (Array.isArray(value)) checkList(option, value, isOrigin, items)
  else throw new OptionError(option, value, `${quoted(words, ', ')}, a list of ${items}, or a function`)
}

/** Origins are compared as whole strings, so `https://app.example/`, with a slash, would silently never match. */
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
 * The value must be visible ASCII, with spaces and tabs only inside. Any other character could end the field.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.5
 */
export function checkFieldValue(option: string, value: unknown): void {
  if (value === undefined) return
  if (typeof value === 'string' && /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(value)) return
  throw new OptionError(option, value, 'visible ASCII text')
}

/** A limit in bytes: 0 allows no content, Infinity means no limit. */
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

/** A partial runtime. `setTimeout` and `clearTimeout` must come together, because one clears the other's timers. */
export function checkRuntime(option: string, value: Partial<Runtime> | undefined): void {
  if (value === undefined) return
  checkMethods(option, value, [], 'an object with members of a Runtime')
  for (const member of runtimeMembers) checkFunction(`${option}.${member}`, value[member])
  if ((value.setTimeout === undefined) !== (value.clearTimeout === undefined)) {
    throw new OptionError(option, value, 'setTimeout and clearTimeout together')
  }
}
