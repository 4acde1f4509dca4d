import type { Benchmark, BenchmarkSession, Measure, Measurement, Settings } from './benchmark.ts'
import { startServerUnderLoad } from './load/server-under-load.ts'
import { bareNodeHttp, betterSse, serverContenders } from './servers/contenders.ts'

const table = 'latency'
const perSecond = 20

const measures: readonly [Measure, ...Measure[]] = [
  { id: 'p50', title: 'p50 ms', digits: 1 },
  { id: 'p99', title: 'p99 ms', digits: 1 },
  { id: 'p999', title: 'p99.9 ms', digits: 1 },
]

/** How long an event is on its way to one of many connections. */
export const latency: Benchmark = {
  name: 'latency',
  summary: 'time from publishing an event to its arrival, at a fixed rate',
  contenders: serverContenders,
  tables: [{ id: table, title: 'latency', measures, baselines: [betterSse, bareNodeHttp] }],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? (isQuick ? 50 : 1000)
    const [warmUpMs, windowMs] = isQuick ? [100, 200] : [1000, 3000]
    return {
      conditions:
        `${perSecond} events a second to ${connections} connections: from just before an event is published until a ` +
        'client has read it. The last client waits for all others, on both sides.',
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 10_000 : 160_000,
      async measure({ name }): Promise<Measurement> {
        await using load = await startServerUnderLoad(name, settings.profileDirectory)
        await load.connect(connections)
        const parts = [0.5, 0.99, 0.999]
        await load.latencies(perSecond, warmUpMs, parts)
        const [p50 = Number.NaN, p99 = Number.NaN, p999 = Number.NaN] = await load.latencies(
          perSecond,
          windowMs,
          parts,
        )
        return { values: { [table]: { p50, p99, p999 } }, warnings: [] }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}
