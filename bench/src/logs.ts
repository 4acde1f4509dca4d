import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import type { Benchmark, BenchmarkSession, Contender, Measurement, Settings } from './benchmark.ts'
import type { LogKind, LogsMethods } from './logs/logs-process.ts'
import { startWorker } from './worker/worker.ts'

const redisServer = findRedisServer()
const kinds: readonly LogKind[] = ['memory', 'file', 'file, synchronous: full', 'redis']
const contenders = kinds.map((name): Contender => ({
  name,
  packages: [],
  missing: name === 'redis' && redisServer.skip ? redisServer.reason : undefined,
}))

/** The cost of the three logs for the process that stores and reads. */
export const logs: Benchmark = {
  name: 'logs',
  summary: 'CPU and stalls of a process that stores in memory, in a file, or on Redis',
  contenders,
  tables: [
    {
      id: 'append',
      title: 'Storing an event of 66 bytes, with as many evicted',
      measures: [
        { id: 'hundred', title: 'CPU us / event, 100 a turn', digits: 2 },
        { id: 'ten', title: 'CPU us / event, 10 a turn', digits: 2 },
      ],
      baselines: ['memory'],
    },
    {
      id: 'loop',
      title: 'How late the event loop is, at 5000 events a second',
      measures: [
        { id: 'p99', title: '99th percentile, ms', digits: 2 },
        { id: 'max', title: 'longest, ms', digits: 1 },
      ],
      baselines: ['memory'],
    },
    {
      id: 'replay',
      title: 'Reading again the newest events of one topic',
      measures: [{ id: 'cpu', title: 'CPU us / event', digits: 2 }],
      baselines: ['memory'],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const windowMs = isQuick ? 100 : 3000
    const redis = redisServer.skip ? undefined : startRedis()
    return {
      conditions: 'No hub and no readers; 100 topics; each log holds its default of 10 000 events.',
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 10_000 : 90_000,
      async measure({ name }): Promise<Measurement> {
        const kind = name as LogKind
        const url = kind === 'redis' ? ((await redis)?.url ?? '') : ''
        await using worker = startWorker<LogsMethods>({
          name: 'logs',
          entry: new URL('logs/logs-process.ts', import.meta.url),
          core: 0,
          profileDirectory: settings.profileDirectory,
        })
        const values = {
          append: {
            hundred: await worker.call('append', kind, url, 100, windowMs),
            ten: await worker.call('append', kind, url, 10, windowMs),
          },
          loop: await worker.call('loopDelay', kind, url, windowMs),
          replay: { cpu: await worker.call('replay', kind, url, windowMs) },
        }
        await worker.call('clean')
        return { values, warnings: [] }
      },
      async [Symbol.asyncDispose]() {
        await (await redis)?.[Symbol.asyncDispose]()
      },
    }
  },
}
