import type { Benchmark, BenchmarkSession, Measurement, Settings } from './benchmark.ts'
import { bareNodeHttp, fastify, helloContenders } from './http/contenders.ts'
import { startHttpServer } from './http/start-http-server.ts'

const measures = [
  { id: 'cpu', title: 'CPU us / request', digits: 1 },
  { id: 'rate', title: 'requests / s', digits: 0 },
] as const
const tables = [
  { id: 'GET', title: 'GET /users/:id' },
  { id: 'POST', title: 'POST /users, 30 bytes of JSON' },
] as const

/** The cost of routing a request, reading a little JSON from it, and answering with some. */
export const hello: Benchmark = {
  name: 'hello',
  summary: 'CPU for a request with a path parameter or a little JSON, answered with JSON',
  contenders: helloContenders,
  tables: tables.map(({ id, title }) => ({ id, title, measures, baselines: [bareNodeHttp, fastify] })),
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? (isQuick ? 8 : 64)
    const [warmUpMs, windowMs] = isQuick ? [100, 100] : [1500, 1000]
    return {
      conditions: `${connections} connections, kept alive, one request at a time on each; every body is checked.`,
      rounds: settings.rounds ?? (isQuick ? 1 : 7),
      budgetMs: isQuick ? 10_000 : 240_000,
      async measure({ name }): Promise<Measurement> {
        await using running = await startHttpServer(name, settings.profileDirectory)
        const { server, load, port } = running
        const values: Record<string, Record<string, number>> = {}
        const warnings: string[] = []
        for (const { id } of tables) {
          await load.call('ask', id, port, connections, warmUpMs)
          await server.call('beginCounts')
          const { requests, elapsedMs, busy } = await load.call('ask', id, port, connections, windowMs)
          const cpuMicros = await server.call('cpuMicros')
          values[id] = { cpu: cpuMicros / requests, rate: requests / (elapsedMs / 1000) }
          if (busy > 0.9) warnings.push(`${name}, ${id}: the load process was more than 90 % busy`)
        }
        return { values, warnings }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}
