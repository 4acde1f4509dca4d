import type { Benchmark, BenchmarkSession, Measure, Measurement, Settings } from './benchmark.ts'
import type { ClientMethods } from './clients/client-process.ts'
import { clientContenders, eventSource, eventSourceClient, undiciAndParser } from './clients/contenders.ts'
import type { FloodMethods } from './clients/flood-process.ts'
import { startWorker } from './worker/worker.ts'

const rss: Measure = { id: 'rss', title: 'RSS MB', digits: 0 }
const perCpuSecond = { id: 'perCpuSecond', digits: 2 }

// A cycle is what the flooding server writes at once: 66 000 bytes, and 262 000.
const floods = [
  {
    path: '/small',
    title: 'events of 66 bytes',
    cycle: 1000,
    padding: 'x'.repeat(32),
    unit: 1e6,
    measures: [{ ...perCpuSecond, title: 'M events / CPU s' }, rss],
  },
  {
    path: '/large',
    title: 'events of 16 kB',
    cycle: 16,
    padding: 'x'.repeat(16_350),
    unit: 1e3,
    measures: [{ ...perCpuSecond, title: 'k events / CPU s' }, rss],
  },
] as const

/** How many events a client can take from one connection. */
export const client: Benchmark = {
  name: 'client',
  summary: 'events from one connection that a client takes for each second of CPU',
  contenders: clientContenders,
  tables: floods.map(({ path, title, measures }) => ({
    id: path,
    title,
    measures,
    baselines: [undiciAndParser, eventSourceClient, eventSource],
  })),
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const [warmUpMs, windowMs] = isQuick ? [50, 100] : [500, 800]
    const flooding = startWorker<FloodMethods>({
      name: 'flood',
      entry: new URL('clients/flood-process.ts', import.meta.url),
      core: 1,
    })
    const opened = flooding.call(
      'open',
      floods.map(({ path, cycle, padding }) => ({ path, cycle, padding })),
    )
    // It is awaited by the first measurement.
    opened.catch(() => {})
    return {
      conditions:
        'One connection to a server that floods it, as fast as the client reads; each event is compared with what was ' +
        'sent. Higher is better, also for ratios. RSS is that of the whole process at the end.',
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 6000 : 120_000,
      async measure({ name }): Promise<Measurement> {
        const values: Record<string, Record<string, number>> = {}
        const warnings: string[] = []
        for (const { path, cycle, padding, title, unit } of floods) {
          await using worker = startWorker<ClientMethods>({
            name: 'client',
            entry: new URL('clients/client-process.ts', import.meta.url),
            core: 0,
            profileDirectory: settings.profileDirectory,
          })
          const url = `http://127.0.0.1:${await opened}${path}`
          await flooding.call('beginCounts')
          const read = await worker.call('read', name, { url, cycle, padding, warmUpMs, windowMs })
          const busy = await flooding.call('busy')
          values[path] = {
            perCpuSecond: ((read.events / read.cpuMicros) * 1e6) / unit,
            rss: read.rssBytes / 1e6,
          }
          if (busy > 0.9) warnings.push(`${name}, ${title}: the flooding server was more than 90 % busy`)
        }
        return { values, warnings }
      },
      [Symbol.asyncDispose]: () => flooding[Symbol.asyncDispose](),
    }
  },
}
