import { OptionError } from './errors/option-error.ts'

/** The names of all options of a type, so that one that is added there is missing here. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>

// What the same option is called elsewhere: better-sse, Hono, @fastify/sse, the EventSource format itself.
const namesElsewhere: Readonly<Record<string, string>> = {
  keepAlive: 'heartbeatIntervalMs',
  keepAliveInterval: 'heartbeatIntervalMs',
  heartbeatInterval: 'heartbeatIntervalMs',
  pingInterval: 'heartbeatIntervalMs',
  retry: 'reconnectionTimeMs',
  retryMs: 'reconnectionTimeMs',
  reconnectionTime: 'reconnectionTimeMs',
  announcements: 'wireContract',
  topic: 'topics',
  channel: 'topics',
  pattern: 'patterns',
  ttl: 'ttlMs',
}

/**
 * Refuses an unknown option: a misspelt limit would not limit anything, and nothing would show it.
 *
 * @throws {@link OptionError} that names the option which was probably meant.
 */
export function checkOptionNames<Options extends object>(
  options: Options,
  names: OptionNames<Options>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('options', options, 'an object')
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue
    const meant = closest(name, Object.keys(names))
    const question = meant === undefined ? '' : ` (did you mean ${meant}?)`
    throw new OptionError(name, Reflect.get(options, name), `a known option${question}`)
  }
}

function closest(name: string, names: readonly string[]): string | undefined {
  const elsewhere = namesElsewhere[name]
  if (elsewhere !== undefined && names.includes(elsewhere)) return elsewhere
  const wanted = name.toLowerCase()
  const [best] = names
    .map((each) => [each, distance(wanted, each.toLowerCase())] as const)
    .filter(([each, count]) => count <= Math.max(2, each.length / 4) || each.toLowerCase().startsWith(wanted))
    .toSorted(([, one], [, other]) => one - other)
  return best?.[0]
}

/** Levenshtein's: how many characters are to be inserted, left out or replaced. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let index = 0; index < from.length; index += 1) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (to[column - 1] === from[index] ? 0 : 1)
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
