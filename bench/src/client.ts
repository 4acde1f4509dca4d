import type { Benchmark, BenchmarkSession, Measurement, Settings } from './benchmark.ts'
import type { ClientMethods } from './clients/client-process.ts'
import { clientContenders, eventSource, eventSourceClient, undiciAndParser } from './clients/contenders.ts'
import type { FloodMethods } from './clients/flood-process.ts'
import { startWorker } from './worker/worker.ts'

const table = 'client'
// 66 000 bytes: what a flooding server writes at once.
const cycle = 1000

/** How many events a client can take from one connection. */
export const client: Benchmark = {
  name: 'client',
  summary: 'events from one connection that a client takes for each second of CPU',
  contenders: clientContenders,
  tables: [
    {
      id: table,
      title: 'one connection',
      measures: [
        { id: 'perCpuSecond', title: 'M events / CPU s', digits: 2 },
        { id: 'perSecond', title: 'M events / s', digits: 2 },
      ],
      baselines: [undiciAndParser, eventSourceClient, eventSource],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const [warmUpMs, windowMs] = isQuick ? [50, 100] : [500, 800]
    const flood = startWorker<FloodMethods>({
      name: 'flood',
      entry: new URL('clients/flood-process.ts', import.meta.url),
      core: 1,
    })
    const opened = flood.call('open', cycle)
    // It is awaited by the first measurement.
    opened.catch(() => {})
    return {
      conditions:
        'One connection to a server that floods it with events of 66 bytes, as fast as the client reads; each event ' +
        'is compared with what was sent. Higher is better, ratios too.',
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 5000 : 50_000,
      async measure({ name }): Promise<Measurement> {
        const url = `http://127.0.0.1:${await opened}/events`
        await using worker = startWorker<ClientMethods>({
          name: 'client',
          entry: new URL('clients/client-process.ts', import.meta.url),
          core: 0,
          profileDirectory: settings.profileDirectory,
        })
        await flood.call('beginCounts')
        const read = await worker.call('read', name, { url, cycle, warmUpMs, windowMs })
        const busy = await flood.call('busy')
        const values = {
          perCpuSecond: read.events / read.cpuMicros,
          perSecond: read.events / read.elapsedMs / 1000,
        }
        const warnings = busy > 0.9 ? [`${name}: the flooding server was more than 90 % busy`] : []
        return { values: { [table]: values }, warnings }
      },
      [Symbol.asyncDispose]: () => flood[Symbol.asyncDispose](),
    }
  },
}
