import { readFile } from 'node:fs/promises'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Readable } from 'node:stream'
import { text as readText } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import type { ParseArgsOptionsConfig } from 'node:util'
import { UsageError } from './usage-error.ts'

type Parsed<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true; strict: true }>
>

/** @throws {@link UsageError} */
export function parseCommand<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): Parsed<Options> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS_') !== true) throw error
    // Its second sentence is about positional arguments that begin with a dash, which are rarely meant.
    const [sentence = message] = message.split('. ')
    const [, wrong] = /'(--?[\w-]+)/.exec(sentence) ?? []
    const meant = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? closest(wrong ?? '', options) : undefined
    const hint = meant === undefined ? '' : `, did you mean --${meant}?`
    throw new UsageError(`${sentence.replace(/\.$/, '')}${hint}`, { cause: error })
  }
}

/** The option that begins alike, or has the same letters but for one. */
function closest(wrong: string, options: ParseArgsOptionsConfig): string | undefined {
  const name = wrong.replace(/^-+/, '')
  if (name.length < 2) return undefined
  return Object.keys(options).find(
    (each) => each.startsWith(name) || name.startsWith(each) || isNear(each, name),
  )
}

/** Whether one is the other with a letter more, less, or in the wrong place. */
function isNear(one: string, other: string): boolean {
  if (one.length === other.length) return sortedLetters(one) === sortedLetters(other)
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one]
  return Array.from(longer, (_, index) => longer.slice(0, index) + longer.slice(index + 1)).includes(shorter)
}

function sortedLetters(word: string): string {
  return Array.from(word).toSorted().join('')
}

/** @throws {@link UsageError} */
export function urlOf(positionals: readonly string[], rest: 'only' | 'more' = 'only'): URL {
  const [text] = positionals
  if (text === undefined) throw new UsageError('A URL is missing')
  if (rest === 'only' && positionals.length > 1)
    throw new UsageError(`One URL is enough: ${JSON.stringify(positionals[1])} is too much`)
  // As curl does: localhost:3000/events is an address.
  const url = URL.parse(/^[a-z][\w+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError(`Expected an http or https URL, got ${JSON.stringify(text)}`)
  return url
}

/** `Name: value`, any number of times. @throws {@link UsageError} */
export function headersOf(fields: readonly string[] = []): readonly (readonly [string, string])[] {
  return fields.map((field) => {
    const colon = field.indexOf(':')
    const name = field.slice(0, Math.max(0, colon)).trim()
    const value = field.slice(colon + 1).trim()
    try {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    } catch (error) {
      throw new UsageError(`--header: expected 'Name: value', got ${JSON.stringify(field)}`, { cause: error })
    }
    return [name, value]
  })
}

/** @throws {@link UsageError} */
export function countOf(option: string, value: string | undefined, least = 1): number | undefined {
  if (value === undefined) return undefined
  const count = Number(value)
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(count) || count < least)
    throw new UsageError(
      `--${option}: expected a whole number of at least ${least}, got ${JSON.stringify(value)}`,
    )
  return count
}

/** `30`, `30s`, `500ms`, `5m`, `1h`, in milliseconds. @throws {@link UsageError} */
export function durationOf(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const [, amount = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(value) ?? []
  const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 0
  const durationMs = Number(amount) * unitMs
  if (amount === '' || durationMs === 0 || durationMs > 2 ** 31 - 1)
    throw new UsageError(
      `--${option}: expected a duration such as 30s, 500ms or 5m, got ${JSON.stringify(value)}`,
    )
  return durationMs
}

/** @throws {@link UsageError} */
export function choiceOf<const Choice extends string>(
  option: string,
  value: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (value === undefined) return undefined
  const choice = choices.find((each) => each === value)
  if (choice === undefined)
    throw new UsageError(`--${option}: expected ${choices.join(', ')}, got ${JSON.stringify(value)}`)
  return choice
}

/** A body as curl takes it: the text itself, `@file`, or `@-` for standard input. @throws {@link UsageError} */
export async function bodyOf(value: string | undefined, stdin: Readable): Promise<string | undefined> {
  if (value === undefined || !value.startsWith('@')) return value
  const path = value.slice(1)
  if (path === '-') return readText(stdin)
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--data: cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}
