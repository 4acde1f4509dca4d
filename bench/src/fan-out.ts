import type { Benchmark, BenchmarkSession, Measure, Measurement, Settings, TableSpec } from './benchmark.ts'
import { startServerUnderLoad } from './load/server-under-load.ts'
import type { ServerUnderLoad } from './load/server-under-load.ts'
import { bareNodeHttp, betterSse, kernelFloor, serverContenders } from './servers/contenders.ts'

const stages = [
  { id: '1-a-turn', eventsPerTurn: 1, title: '1 event a turn' },
  { id: '10-a-turn', eventsPerTurn: 10, title: '10 events a turn' },
] as const

const measures: readonly [Measure, ...Measure[]] = [
  { id: 'cpu', title: 'CPU us / event', digits: 2 },
  { id: 'bytes', title: 'bytes / event', digits: 0 },
  { id: 'chunks', title: 'chunks / event', digits: 2 },
]

/** The cost of delivering one event to one of many connections. */
export const fanOut: Benchmark = {
  name: 'fan-out',
  summary: 'CPU for each event delivered to each of many connections',
  contenders: serverContenders,
  tables: stages.map(({ id, title }): TableSpec => ({
    id,
    title,
    measures,
    baselines: [betterSse, bareNodeHttp, kernelFloor],
  })),
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? (isQuick ? 50 : 500)
    const [warmUpMs, windowMs] = isQuick ? [50, 100] : [300, 700]
    return {
      conditions:
        `${connections} connections, events of 66 bytes as a plain block; CPU of the server's process, ` +
        'from the publisher to the socket.',
      rounds: settings.rounds ?? (isQuick ? 1 : 5),
      budgetMs: isQuick ? 15_000 : 180_000,
      async measure({ name }): Promise<Measurement> {
        await using load = await startServerUnderLoad(name, settings.profileDirectory)
        await load.connect(connections)
        const values: Record<string, Record<string, number>> = {}
        const warnings: string[] = []
        for (const { id, eventsPerTurn } of stages) {
          const stage = await measureStage(load, eventsPerTurn, warmUpMs, windowMs)
          values[id] = stage.values
          if (stage.loadWasBusy) warnings.push(`${name}, ${id}: the load process was more than 90 % busy`)
        }
        return { values, warnings }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}

async function measureStage(
  load: ServerUnderLoad,
  eventsPerTurn: number,
  warmUpMs: number,
  windowMs: number,
): Promise<{ readonly values: Record<string, number>; readonly loadWasBusy: boolean }> {
  await load.publish(eventsPerTurn, warmUpMs)
  const { published, counts } = await load.publish(eventsPerTurn, windowMs)
  return {
    values: {
      cpu: published.cpuMicros / counts.events,
      bytes: counts.bytes / counts.events,
      chunks: counts.chunks / counts.events,
    },
    loadWasBusy: counts.busy > 0.9,
  }
}
