import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import type { Benchmark, BenchmarkSession, Contender, Measurement, Settings } from './benchmark.ts'
import type { EarliestPublisherMethods } from './earliest/earliest-publisher-process.ts'
import type { EarliestServerMethods } from './earliest/earliest-server-process.ts'
import { redisCpuMs } from './earliest/redis-cpu.ts'
import { DeliveryError } from './errors/delivery-error.ts'
import { startWorker } from './worker/worker.ts'

const table = 'earliest'
const perSecond = 50
// A call to a worker has half a minute.
const patienceMs = 25_000
const redis = findRedisServer()

interface Case extends Contender {
  readonly readers: number
  readonly topics: number
  readonly events: number
}

const cases: readonly Case[] = [
  caseOf('1000 readers of 10 000 events', { readers: 1000, topics: 1, events: 10_000 }),
  caseOf('4000 readers of 10 000 events', { readers: 4000, topics: 1, events: 10_000 }),
  caseOf('64 topics of one reader, 100 000 events', { readers: 1, topics: 64, events: 100_000 }),
]

/** The cost when all readers request every event in a log on Redis. */
export const earliest: Benchmark = {
  name: 'earliest',
  summary: 'many readers ask a log on Redis for all that it holds, at once, while events are published',
  contenders: cases,
  tables: [
    {
      id: table,
      title: 'replay from earliest',
      measures: [
        { id: 'seconds', title: 'until the last has all, s', digits: 2 },
        { id: 'redis', title: "Redis' CPU, ms", digits: 0 },
        { id: 'publishing', title: 'publishing at the same time, median ms', digits: 1 },
      ],
      baselines: [],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const share = isQuick ? 20 : 1
    return {
      conditions:
        `A hub that was not there when the events were published, and outputs that only count; ${perSecond} events a ` +
        'second go to another topic, from another process.',
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 10_000 : 120_000,
      async measure({ name }): Promise<Measurement> {
        const found = cases.find((each) => each.name === name)
        if (found === undefined) throw new TypeError(`There is no case ${name}`)
        const events = found.events / share
        const readers = Math.ceil((settings.connections ?? found.readers) / share)
        const topics =
          found.topics === 1 ? ['storm'] : Array.from({ length: found.topics }, (_, n) => `topic.${n}`)
        await using started = new AsyncDisposableStack()
        const { url, port } = started.use(await startRedis())
        const publisher = started.use(
          startWorker<EarliestPublisherMethods>({
            name: 'publisher',
            entry: new URL('earliest/earliest-publisher-process.ts', import.meta.url),
            core: 1,
          }),
        )
        const server = started.use(
          startWorker<EarliestServerMethods>({
            name: 'server',
            entry: new URL('earliest/earliest-server-process.ts', import.meta.url),
            core: 0,
            profileDirectory: settings.profileDirectory,
          }),
        )
        await publisher.call('fill', url, topics, events)
        await publisher.call('start', perSecond)
        const cpuBefore = await redisCpuMs(port)
        const beganAt = performance.now()
        let seconds: number
        if (topics.length === 1) {
          const storm = await server.call('storm', url, readers, events, patienceMs)
          seconds = storm.seconds
          if (storm.complete < readers) {
            const publishing = await publisher.call('stop')
            throw new DeliveryError(
              `after ${patienceMs / 1000} s ${storm.complete} of ${readers} readers had all; ` +
                `Redis took ${((await redisCpuMs(port)) - cpuBefore).toFixed(0)} ms, publishing ${publishing.toFixed(1)} ms`,
            )
          }
        } else {
          const count = await server.call('readTopics', url, topics)
          seconds = (performance.now() - beganAt) / 1000
          if (count !== events) throw new DeliveryError(`of ${events} events ${count} were read`)
        }
        const cpu = (await redisCpuMs(port)) - cpuBefore
        const publishing = await publisher.call('stop')
        return { values: { [table]: { seconds, redis: cpu, publishing } }, warnings: [] }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}

function caseOf(name: string, size: Pick<Case, 'readers' | 'topics' | 'events'>): Case {
  return { name, ...size, packages: [], missing: redis.skip ? redis.reason : undefined }
}
