import type { Benchmark, BenchmarkSession, Contender, Measurement, Settings } from './benchmark.ts'
import type { TopicKind, TopicsMethods } from './topics/topics-process.ts'
import { startWorker } from './worker/worker.ts'

const measure = { id: 'cpu', title: 'CPU us / event', digits: 2 }

const topicCounts = [1000, 10_000, 100_000]
const contenders = topicCounts.map((topicCount): Contender => ({
  name: `${topicCount.toLocaleString('en')} topics and subscriptions`,
  packages: [],
}))
const kinds: readonly { readonly id: TopicKind; readonly title: string }[] = [
  { id: 'exact', title: 'Subscriptions by name' },
  { id: 'pattern', title: 'Subscriptions by pattern' },
]

/** Whether publishing costs what its readers cost, however many others there are. */
export const topics: Benchmark = {
  name: 'topics',
  summary: 'CPU for publishing to one of many topics, each with one subscription',
  contenders,
  tables: kinds.map(({ id, title }) => ({
    id,
    title,
    measures: [measure],
    baselines: [contenders[0]?.name ?? ''],
  })),
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    return {
      conditions: 'One hub in memory; events go to a topic at random, and to an output that only counts.',
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 6000 : 60_000,
      async measure({ name }): Promise<Measurement> {
        const index = contenders.findIndex((each) => each.name === name)
        const topicCount = (topicCounts[index] ?? 0) / (isQuick ? 100 : 1)
        const values: Record<string, Record<string, number>> = {}
        for (const { id } of kinds) {
          // A process for each, so that the heap of one does not burden the other.
          await using worker = startWorker<TopicsMethods>({
            name: 'topics',
            entry: new URL('topics/topics-process.ts', import.meta.url),
            core: 0,
            profileDirectory: settings.profileDirectory,
          })
          values[id] = { cpu: await worker.call('measure', id, topicCount, isQuick ? 50 : 400) }
        }
        return { values, warnings: [] }
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
  },
}
