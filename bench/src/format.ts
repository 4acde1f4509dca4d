import type { Benchmark, BenchmarkSession, Measurement, Settings } from './benchmark.ts'
import { formatCases } from './format/cases.ts'
import type { FormatMethods } from './format/format-process.ts'
import { eventSourceEncoder, formatters, template } from './format/formatters.ts'
import { startWorker } from './worker/worker.ts'

const measure = { id: 'cpu', title: 'CPU ns / event', digits: 0 }

/** The cost of formatting an event as a block. */
export const format: Benchmark = {
  name: 'format',
  summary: 'CPU for formatting and encoding one event',
  contenders: formatters,
  tables: formatCases.map(({ id, title }) => ({
    id,
    title,
    measures: [measure],
    baselines: [eventSourceEncoder, template],
  })),
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const worker = startWorker<FormatMethods>({
      name: 'format',
      entry: new URL('format/format-process.ts', import.meta.url),
      core: 0,
      profileDirectory: settings.profileDirectory,
    })
    return {
      conditions: 'One event with id and data, formatted and encoded as UTF-8, all in one process.',
      rounds: settings.rounds ?? (isQuick ? 1 : 11),
      budgetMs: isQuick ? 2000 : 15_000,
      async measure({ name }): Promise<Measurement> {
        const nanoseconds = await worker.call('measure', name, isQuick ? 20 : 60)
        const values = Object.entries(nanoseconds).map(([id, cpu]) => [id, { cpu }] as const)
        return { values: Object.fromEntries(values), warnings: [] }
      },
      [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
    }
  },
}
