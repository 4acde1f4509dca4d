import type { Unavailable } from '../../samples.ts'

/**
 * One look at a counter of the machine. Undefined where a rate needs a second look, or where a counter was reset and
 * the difference would be a lie.
 */
export type Reading<Sample> = Omit<Sample, 'at'> | Omit<Unavailable, 'at'> | undefined

/** Reads a file of `/proc` or `/sys`: these are made by the kernel on the spot, so reading them synchronously waits for no disk. */
export type ReadText = (path: string) => string

/** Bytes per second between two looks at rising counters; undefined when one of them was reset. */
export function ratesBetween<Counters extends Readonly<Record<string, number>>>(
  before: Counters,
  after: Counters,
  elapsedMs: number,
): Counters | undefined {
  const rates: Record<string, number> = {}
  for (const [name, value] of Object.entries(after)) {
    const difference = value - (before[name] ?? 0)
    if (difference < 0 || elapsedMs <= 0) return undefined
    rates[name] = (difference * 1000) / elapsedMs
  }
  return rates as Counters
}

/**
 * Turns a counter into a rate.
 *
 * @param read - Throws where the machine has no such counter; the message's reader is the page's.
 */
export function createRateReader<Counters extends Readonly<Record<string, number>>>(options: {
  read: () => Counters
  now: () => number
  unavailable: string
}): () => Counters | { unavailable: string } | undefined {
  let last: { counters: Counters; at: number } | undefined
  return () => {
    let counters: Counters
    try {
      counters = options.read()
    } catch (error) {
      last = undefined
      return {
        unavailable: `${options.unavailable} (${error instanceof Error ? error.message : String(error)})`,
      }
    }
    const at = options.now()
    const previous = last
    last = { counters, at }
    return previous === undefined ? undefined : ratesBetween(previous.counters, counters, at - previous.at)
  }
}
