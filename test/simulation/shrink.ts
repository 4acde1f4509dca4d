import { runSeed } from './run-seed.ts'
import type { Outcome } from './run-seed.ts'
import { drawSettings, happenings } from './settings.ts'
import type { Reduction } from './settings.ts'

interface Shrunk {
  readonly reduction: Reduction
  readonly outcome: Outcome
}

/**
 * Makes a failing world smaller as long as it fails with the same kind of violation: without one fault after the other,
 * with fewer clients, fewer events, less time. What is drawn for one actor does not depend on the others, so much stays
 * as it was.
 */
export async function shrink(seed: number, log?: 'sqlite'): Promise<Shrunk> {
  let best = await attempt(log === undefined ? {} : { log })
  const kind = best.outcome.violation?.kind

  async function attempt(reduction: Reduction): Promise<Shrunk> {
    return { reduction, outcome: await runSeed(seed, { reduction, traceLines: 100_000 }) }
  }
  async function adopt(change: Reduction): Promise<boolean> {
    const smaller = await attempt({ ...best.reduction, ...change })
    if (kind === undefined || smaller.outcome.violation?.kind !== kind) return false
    best = smaller
    return true
  }

  const { weather, clientCount, activeMs, eventCount, jobCount } = drawSettings(seed)
  for (const name of [
    ...happenings,
    ...Object.keys(weather),
    'lostNotification',
    'lostAnswer',
    'slowLog',
    'expiry',
  ])
    await adopt({ without: [...(best.reduction.without ?? []), name] })
  for (let count = 1; count < clientCount; count += 1) if (await adopt({ clientCount: count })) break
  if (jobCount > 0) await adopt({ jobCount: 0 })
  for (let events = eventCount >> 1; events > 0 && (await adopt({ eventCount: events }));) events >>= 1
  for (let ms = activeMs >> 1; ms > 500 && (await adopt({ activeMs: ms }));) ms >>= 1
  return best
}

/** As the command line takes it. */
export function reductionFlags({
  log,
  clientCount,
  eventCount,
  jobCount,
  activeMs,
  without,
}: Reduction): string {
  const flags: readonly [string, number | string | undefined][] = [
    ['log', log],
    ['clients', clientCount],
    ['events', eventCount],
    ['jobs-run', jobCount],
    ['active-ms', activeMs],
    ['without', without?.join(',')],
  ]
  return flags.map(([name, value]) => (value === undefined ? '' : ` --${name} ${value}`)).join('')
}
