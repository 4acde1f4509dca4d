import type { Measure, TableSpec } from './benchmark.ts'
import type { Machine } from './machine.ts'
import type { BenchmarkResult, ContenderResult } from './run-benchmark.ts'
import { medianRatio, summarize } from './statistics.ts'

/** The machine, as a list in Markdown. */
export function formatMachine(machine: Machine): string {
  return [
    `- ${machine.date} UTC, commit ${machine.commit ?? 'unknown'}, Node ${machine.node}`,
    `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; ` +
      (machine.pinned ? 'contenders pinned to core 0, load to core 1' : 'processes not pinned: no taskset'),
    `- load average before the run: ${machine.loadBefore.toFixed(2)}`,
    '',
  ].join('\n')
}

/** The result of one benchmark, as a section in Markdown. */
export function formatResult(result: BenchmarkResult, machine: Machine): string {
  const { benchmark, roundsMade, roundsPlanned } = result
  const isCut = roundsMade < roundsPlanned
  const rounds = isCut
    ? `${roundsMade} of ${roundsPlanned} rounds, as the time was over`
    : `rounds: ${roundsMade}`
  return [
    `## ${benchmark.name}`,
    '',
    `${result.conditions} Median (least - greatest); ${rounds}.`,
    '',
    ...benchmark.tables.flatMap((table) => [formatTable(table, result.contenders, machine), '']),
    ...result.contenders.flatMap(({ contender, voidReason }) =>
      voidReason === undefined ? [] : [`- void: ${contender.name}: ${voidReason}`],
    ),
    ...result.warnings.map((warning) => `- ${warning}`),
    '',
  ].join('\n')
}

function formatTable(table: TableSpec, results: readonly ContenderResult[], machine: Machine): string {
  const [primary] = table.measures
  const header = [
    table.title,
    ...table.measures.map((measure) => measure.title),
    ...table.baselines.map((baseline) => `/ ${baseline}`),
  ]
  const baselines = table.baselines.map((name) => {
    const result = results.find((each) => each.contender.name === name)
    return result === undefined ? [] : seriesOf(result, table, primary)
  })
  const rows = results.map((result) => [
    formatName(result, machine),
    ...table.measures.map((measure) => formatCell(seriesOf(result, table, measure), measure)),
    ...baselines.map((baseline) => formatRatio(medianRatio(seriesOf(result, table, primary), baseline))),
  ])
  const rule = header.map((_, index) => (index === 0 ? '---' : '---:'))
  return [header, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** By round. Of a void row nothing counts, not as a baseline either. */
function seriesOf(
  { rounds, voidReason }: ContenderResult,
  table: TableSpec,
  measure: Measure,
): readonly (number | undefined)[] {
  return voidReason === undefined ? rounds.map((round) => round?.values[table.id]?.[measure.id]) : []
}

function formatName({ contender }: ContenderResult, { versions }: Machine): string {
  const shown = contender.packages.flatMap((name) => {
    const version = versions[name]
    return version === undefined || version.startsWith('workspace:') ? [] : [`${name} ${version}`]
  })
  return shown.length === 0 ? contender.name : `${contender.name} (${shown.join(', ')})`
}

function formatCell(series: readonly (number | undefined)[], { digits }: Measure): string {
  const values = series.filter((value) => value !== undefined)
  if (values.length === 0) return 'void'
  const { median, least, greatest } = summarize(values)
  const shown = median.toFixed(digits)
  if (least.toFixed(digits) === greatest.toFixed(digits)) return shown
  return `${shown} (${least.toFixed(digits)} - ${greatest.toFixed(digits)})`
}

function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '' : ratio.toFixed(2)
}
