import { setTimeout as delay } from 'node:timers/promises'
import type { Benchmark, BenchmarkSession, Measurement, Settings } from './benchmark.ts'
import { startServerUnderLoad } from './load/server-under-load.ts'
import { bareNodeHttp, betterSse, serverContenders } from './servers/contenders.ts'

// How they arrive: what is left of many at once is garbage of the same moment.
const arrivals = [
  { id: 'burst', title: 'arrived 50 at a time', atOnce: 50 },
  { id: 'gradual', title: 'arrived one at a time', atOnce: 1 },
] as const
// Opened before the first look, so that what is loaded and compiled once is not counted.
const warmUpConnections = 50
const settleMs = 300

/** The memory of an idle connection. */
export const idleMemory: Benchmark = {
  name: 'idle-memory',
  summary: 'memory for each open connection that waits for events',
  contenders: serverContenders,
  tables: arrivals.map(({ id, title }) => ({
    id,
    title,
    measures: [
      { id: 'rss', title: 'RSS kB', digits: 1 },
      { id: 'heap', title: 'JS heap kB', digits: 1 },
    ],
    baselines: [betterSse, bareNodeHttp],
  })),
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? (isQuick ? 200 : 10_000)
    return {
      conditions:
        `${connections} connections that have received the head of their response; growth of the server's process after ` +
        `the first ${warmUpConnections}, after garbage collection.`,
      rounds: settings.rounds ?? (isQuick ? 1 : 3),
      budgetMs: isQuick ? 8000 : 240_000,
      async measure({ name }): Promise<Measurement> {
        const values: Record<string, Record<string, number>> = {}
        for (const { id, atOnce } of arrivals) {
          await using load = await startServerUnderLoad(name, settings.profileDirectory)
          await load.connect(warmUpConnections, atOnce)
          await delay(settleMs)
          const before = await load.memory()
          await load.connect(connections, atOnce)
          await delay(settleMs)
          const after = await load.memory()
          // They have to be of use, too: one event to each.
          await load.publish(1, 0)
          values[id] = {
            rss: (after.rssBytes - before.rssBytes) / connections / 1000,
            heap: (after.heapBytes - before.heapBytes) / connections / 1000,
          }
        }
        return { values, warnings: [] }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}
