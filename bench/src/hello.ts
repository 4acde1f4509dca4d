import type { Benchmark, BenchmarkSession, Measurement, Settings } from './benchmark.ts'
import { bareNodeHttp, fastify, helloContenders } from './http/contenders.ts'
import { startHttpServer } from './http/start-http-server.ts'

const table = 'hello'

/** What it costs to route a request, and to answer it with a little JSON. */
export const hello: Benchmark = {
  name: 'hello',
  summary: 'CPU for a request with a path parameter, answered with JSON',
  contenders: helloContenders,
  tables: [
    {
      id: table,
      title: 'GET /users/:id',
      measures: [
        { id: 'cpu', title: 'CPU us / request', digits: 1 },
        { id: 'rate', title: 'requests / s', digits: 0 },
      ],
      baselines: [bareNodeHttp, fastify],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? (isQuick ? 8 : 64)
    const [warmUpMs, windowMs] = isQuick ? [100, 100] : [700, 1000]
    return {
      conditions: `${connections} connections, kept alive, one request at a time on each; every body is checked.`,
      rounds: settings.rounds ?? (isQuick ? 1 : 7),
      budgetMs: isQuick ? 5000 : 120_000,
      async measure({ name }): Promise<Measurement> {
        await using running = await startHttpServer(name, settings.profileDirectory)
        const { server, load, port } = running
        await load.call('askForUsers', port, connections, warmUpMs)
        await server.call('beginCounts')
        const { requests, elapsedMs, busy } = await load.call('askForUsers', port, connections, windowMs)
        const cpuMicros = await server.call('cpuMicros')
        return {
          values: { [table]: { cpu: cpuMicros / requests, rate: requests / (elapsedMs / 1000) } },
          warnings: busy > 0.9 ? [`${name}: the load process was more than 90 % busy`] : [],
        }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}
