import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Benchmark, BenchmarkSession, Contender, Measurement, Settings } from './benchmark.ts'
import type { LoadMethods } from './load/load-process.ts'
import type { SharedFileMethods } from './shared-file/shared-file-process.ts'
import { startWorker } from './worker/worker.ts'

const table = 'shared-file'
const perSecond = 500

interface Case extends Contender {
  /** The part of the readers that each process has. The first one publishes. */
  readonly shares: readonly number[]
  readonly synchronous: 'normal' | 'full'
}

const oneProcess = 'one process'
const cases: readonly Case[] = [
  { name: oneProcess, packages: [], shares: [1], synchronous: 'normal' },
  { name: 'two, half of the readers each', packages: [], shares: [0.5, 0.5], synchronous: 'normal' },
  { name: 'two, all readers at the other', packages: [], shares: [0, 1], synchronous: 'normal' },
  { name: 'the same, synchronous: full', packages: [], shares: [0, 1], synchronous: 'full' },
]

/** The cost of a second process on the same file, and the delay between the two. */
export const sharedFile: Benchmark = {
  name: 'shared-file',
  summary:
    'CPU for each event that one or two processes on one file deliver, and its way from one to the other',
  contenders: cases,
  tables: [
    {
      id: table,
      title: 'processes on one file',
      measures: [
        { id: 'cpu', title: 'CPU us / event delivered, all processes', digits: 2 },
        { id: 'median', title: 'from publishing to arrival, median ms', digits: 2 },
        { id: 'p99', title: '99th percentile, ms', digits: 2 },
      ],
      baselines: [oneProcess],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? (isQuick ? 20 : 200)
    const [warmUpMs, windowMs] = isQuick ? [100, 200] : [1000, 3000]
    return {
      conditions:
        `${connections} connections in all, ${perSecond} events of 66 bytes a second, published by the first process. All ` +
        'processes of a contender share core 0: their costs add up, and two cores would serve twice as many readers ' +
        'divided by the ratio.',
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 10_000 : 120_000,
      async measure({ name }): Promise<Measurement> {
        const found = cases.find((each) => each.name === name)
        if (found === undefined) throw new TypeError(`There is no case ${name}`)
        await using started = new AsyncDisposableStack()
        const directory = await mkdtemp(join(tmpdir(), 'sse-bench-shared-file-'))
        started.defer(() => rm(directory, { recursive: true, force: true }))
        const load = started.use(
          startWorker<LoadMethods>({
            name: 'load',
            entry: new URL('load/load-process.ts', import.meta.url),
            core: 1,
          }),
        )
        const servers = found.shares.map((_, index) =>
          started.use(
            startWorker<SharedFileMethods>({
              name: `server ${index}`,
              entry: new URL('shared-file/shared-file-process.ts', import.meta.url),
              core: 0,
              profileDirectory: settings.profileDirectory,
            }),
          ),
        )
        for (const [index, server] of servers.entries()) {
          const port = await server.call('open', join(directory, 'log.db'), found.synchronous)
          const count = Math.round(connections * (found.shares[index] ?? 0))
          if (count > 0) await load.call('connect', { port, path: '/', atOnce: 50 }, count)
        }
        const [publisher] = servers
        if (publisher === undefined) throw new TypeError('No server was started')
        const cpuMicros = async (): Promise<number> => {
          const each = await Promise.all(servers.map((server) => server.call('cpuMicros')))
          return each.reduce((sum, micros) => sum + micros, 0)
        }

        await load.call('beginCounts')
        const warmUp = await publisher.call('publish', perSecond, warmUpMs)
        await load.call('untilEvents', warmUp.length * connections)
        await load.call('beginArrivals')
        await load.call('beginCounts')
        const before = await cpuMicros()
        const publishedAt = await publisher.call('publish', perSecond, windowMs)
        const events = publishedAt.length * connections
        await load.call('untilEvents', events)
        const cpu = ((await cpuMicros()) - before) / events
        await load.call('verify', warmUp.length + publishedAt.length)
        const [median = Number.NaN, p99 = Number.NaN] = await load.call(
          'latencies',
          publishedAt,
          warmUp.length,
          [0.5, 0.99],
        )
        return { values: { [table]: { cpu, median, p99 } }, warnings: [] }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}
