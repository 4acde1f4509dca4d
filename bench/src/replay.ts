import type { Benchmark, BenchmarkSession, Measurement, Settings } from './benchmark.ts'
import { startServerUnderLoad } from './load/server-under-load.ts'
import { bareNodeHttp, nchan, replayContenders } from './servers/contenders.ts'

const table = 'replay'

/** The cost of replaying missed events to late readers. */
export const replay: Benchmark = {
  name: 'replay',
  summary: 'CPU for each event that is replayed to clients that come later',
  contenders: replayContenders,
  tables: [
    {
      id: table,
      title: 'replay',
      measures: [{ id: 'cpu', title: 'CPU us / event', digits: 2 }],
      baselines: [bareNodeHttp, nchan],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? (isQuick ? 50 : 1000)
    const events = isQuick ? 100 : 1000
    return {
      conditions: `${connections} clients connect, and each gets the ${events} previous events; includes connecting.`,
      rounds: settings.rounds ?? (isQuick ? 1 : 5),
      budgetMs: isQuick ? 5000 : 60_000,
      async measure({ name }): Promise<Measurement> {
        await using load = await startServerUnderLoad(name, settings.profileDirectory)
        const replayed = await load.replay(events, connections)
        if (replayed === undefined) throw new TypeError('It keeps no events')
        return {
          values: { [table]: { cpu: replayed.cpuMicros / (events * connections) } },
          warnings: [],
        }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}
