import { setTimeout as delay } from 'node:timers/promises'
import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import type { Benchmark, BenchmarkSession, Measurement, Settings } from './benchmark.ts'
import { DeliveryError } from './errors/delivery-error.ts'
import type { StormClientsMethods } from './storm/storm-clients-process.ts'
import { startStormPublisher } from './storm/storm-publisher.ts'
import type { StormServerMethods } from './storm/storm-server-process.ts'
import { startWorker } from './worker/worker.ts'
import type { Worker } from './worker/worker.ts'

const table = 'storm'
const perSecond = 5
// Publishing goes on for so long after the server was killed.
const publishForMs = 3000
const patienceMs = 30_000
const openAtOnce = 500
const redis = findRedisServer()

/** How soon all are back when a server is lost with all of its connections. */
export const storm: Benchmark = {
  name: 'storm',
  summary: 'kill -9 of a server with many clients: how soon all are back, and have everything',
  contenders: [
    {
      name: 'createEventSource, hub on Redis',
      packages: ['@sse-toolkit/event-source-client', '@sse-toolkit/sse-redis'],
      missing: redis.skip ? redis.reason : undefined,
    },
  ],
  tables: [
    {
      id: table,
      title: 'away',
      measures: [
        { id: 'last', title: 'the last, s', digits: 1 },
        { id: 'median', title: 'median, s', digits: 1 },
        { id: 'missed', title: 'events missed and replayed, each', digits: 0 },
      ],
      baselines: [],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? (isQuick ? 100 : 10_000)
    return {
      conditions:
        `${connections} clients, ${perSecond} events a second, and the server is killed and restarted at once: from ` +
        'the kill until a client has its next event. In the end each client has every event once.',
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 15_000 : 150_000,
      async measure(): Promise<Measurement> {
        await using started = new AsyncDisposableStack()
        const { url: redisUrl } = started.use(await startRedis())
        const first = started.use(startServer())
        const { port, pid } = await first.call('open', redisUrl, 0)
        const publisher = started.use(await startStormPublisher(redisUrl, perSecond))
        const clients = started.use(
          startWorker<StormClientsMethods>({
            name: 'clients',
            entry: new URL('storm/storm-clients-process.ts', import.meta.url),
            core: 1,
          }),
        )
        const url = `http://127.0.0.1:${port}/events?lastEventId=earliest`
        // Bit by bit: a call has its time.
        for (let open = 0; open < connections; open += openAtOnce)
          await clients.call('open', url, Math.min(openAtOnce, connections - open))
        const numberBefore = publisher.lastNumber
        await clients.call('mark')
        process.kill(pid, 'SIGKILL')
        const second = started.use(startServer())
        await second.call('open', redisUrl, port)
        await delay(publishForMs)
        await publisher.stop()
        const awayFor = await untilAllAreBack(clients, connections, publisher.lastNumber)
        const { missing, repeated, gaps } = await clients.call('account')
        if (missing + repeated + gaps > 0)
          throw new DeliveryError(
            `${missing} events were missing, ${repeated} repeated, ${gaps} gaps announced`,
          )
        const last = awayFor.at(-1) ?? Number.NaN
        const median = awayFor[Math.floor(awayFor.length / 2)] ?? Number.NaN
        const missed = Math.min(publisher.lastNumber - numberBefore, median * perSecond)
        return { values: { [table]: { last, median, missed } }, warnings: [] }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}

function startServer(): Worker<StormServerMethods> {
  return startWorker<StormServerMethods>({
    name: 'server',
    entry: new URL('storm/storm-server-process.ts', import.meta.url),
    core: 0,
  })
}

/** @returns how long each was away, in seconds, in order. */
async function untilAllAreBack(
  clients: Worker<StormClientsMethods>,
  connections: number,
  lastNumber: number,
): Promise<readonly number[]> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const { complete, awayFor } = await clients.call('progress', lastNumber)
    if (complete === connections) return awayFor
    if (performance.now() > deadline)
      throw new DeliveryError(`only ${complete} of ${connections} clients have everything`)
    await delay(100)
  }
}
