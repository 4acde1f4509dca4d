import type { Benchmark, BenchmarkSession, Measurement, Settings } from './benchmark.ts'
import { bareNodeHttp, hono, streamContenders } from './http/contenders.ts'
import { streamedEvents } from './http/http-server.ts'
import { startHttpServer } from './http/start-http-server.ts'

const table = 'stream'

/** The cost of sending a generator's events to one client. */
export const stream: Benchmark = {
  name: 'stream',
  summary: 'CPU for each event of a generator that is sent to one client',
  contenders: streamContenders,
  tables: [
    {
      id: table,
      title: 'one streamed response',
      measures: [
        { id: 'cpu', title: 'CPU us / event', digits: 2 },
        { id: 'rate', title: 'k events / s', digits: 0 },
      ],
      baselines: [bareNodeHttp, hono],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const [warmUps, reads] = isQuick ? [1, 1] : [5, 10]
    return {
      conditions:
        `An async generator yields ${streamedEvents} events of 66 bytes as a plain block, as fast as the client reads; ` +
        'one client after the other reads them all, and checks each.',
      rounds: settings.rounds ?? (isQuick ? 1 : 5),
      budgetMs: isQuick ? 5000 : 90_000,
      async measure({ name }): Promise<Measurement> {
        await using running = await startHttpServer(name, settings.profileDirectory)
        const { server, load, port } = running
        for (let read = 0; read < warmUps; read += 1) await load.call('readStream', port)
        await server.call('beginCounts')
        const startedAt = performance.now()
        for (let read = 0; read < reads; read += 1) await load.call('readStream', port)
        const elapsedMs = performance.now() - startedAt
        const cpuMicros = await server.call('cpuMicros')
        const events = reads * streamedEvents
        return {
          values: { [table]: { cpu: cpuMicros / events, rate: events / elapsedMs } },
          warnings: [],
        }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}
