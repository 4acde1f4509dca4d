import { parseArgs } from 'node:util'
import { mutants } from './mutants.ts'
import type { Mutant } from './mutants.ts'
import { runSeed } from './run-seed.ts'
import type { Outcome } from './run-seed.ts'
import { search } from './search.ts'
import type { FoundViolation, SearchResult } from './search.ts'
import { happenings } from './settings.ts'
import type { Reduction } from './settings.ts'
import { reductionFlags, shrink } from './shrink.ts'
import { excerptFor, formatLine } from './trace.ts'

const usage = `pnpm simulate [options]

  --seeds N          how many seeds to run                               2000
  --from S           the first of them                                   one of the day's own
  --jobs N           threads                                             1
  --seed S           runs this one seed again, and tells what became of it
  --trace            ... with all that happened in it
  --mutants          breaks the real code in ${mutants.length} ways, and shows how many seeds it takes to notice
  --only a,b         ... in these ways alone
  --log sqlite       over the real log in a file, at about ten seeds a second
  --clients N --events N --jobs-run N --active-ms N --without a,b
                     make the world of --seed smaller: without one of ${happenings.join(', ')},
                     or of the weather's faults (cut, halfOpen, refused, ...)
`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
    clients: { type: 'string' },
    events: { type: 'string' },
    'jobs-run': { type: 'string' },
    'active-ms': { type: 'string' },
    without: { type: 'string' },
    log: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const log = logOf(values.log)
if (values.help) console.log(usage)
else if (values.mutants) await showMutants()
else if (values.seed !== undefined) await replay(numberOf('seed', values.seed))
else await searchSeeds()

function numberOf(option: string, value: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < 0)
    throw new RangeError(`--${option} takes an integer from 0, not ${value}`)
  return number
}

function logOf(text: string | undefined): 'sqlite' | undefined {
  if (text === undefined || text === 'sqlite') return text
  throw new RangeError(`--log takes sqlite, not ${text}: the others are drawn`)
}

function reductionOf(): Reduction {
  const { clients, events, without } = values
  const activeMs = values['active-ms']
  const jobCount = values['jobs-run']
  return {
    ...(log !== undefined && { log }),
    ...(clients !== undefined && { clientCount: numberOf('clients', clients) }),
    ...(events !== undefined && { eventCount: numberOf('events', events) }),
    ...(jobCount !== undefined && { jobCount: numberOf('jobs-run', jobCount) }),
    ...(activeMs !== undefined && { activeMs: numberOf('active-ms', activeMs) }),
    ...(without !== undefined && { without: without.split(',') }),
  }
}

async function searchSeeds(): Promise<void> {
  const count = numberOf('seeds', values.seeds)
  // A day's seeds are no other day's, and a run that fails can be named.
  const from =
    values.from === undefined ? Math.floor(Date.now() / 1000) % 2 ** 31 : numberOf('from', values.from)
  const startedAt = performance.now()
  const rateOf = (seeds: number): string => ((seeds * 1000) / (performance.now() - startedAt)).toFixed(0)
  const { isTTY } = process.stderr
  let shownAt = startedAt
  const result = await search({
    from,
    count,
    log,
    jobs: numberOf('jobs', values.jobs),
    onProgress({ seeds }) {
      if (performance.now() - shownAt < (isTTY ? 200 : 10_000)) return
      shownAt = performance.now()
      const done = Math.floor((seeds / count) * 40)
      const bar = `[${'#'.repeat(done)}${'.'.repeat(40 - done)}] ${seeds}/${count}  ${rateOf(seeds)} seeds/s`
      process.stderr.write(isTTY ? `\r${bar} ` : `${bar}\n`)
    },
  })
  if (isTTY) process.stderr.write('\r\u001b[K')
  console.log(summaryOf(result, from, rateOf(result.seeds)))
  const [first] = result.found
  if (first !== undefined) await explain(first)
}

function summaryOf({ seeds, found, counts }: SearchResult, from: number, rate: string): string {
  const hours = (counts.virtualMs / 3_600_000).toFixed(0)
  return (
    `${seeds} seeds from ${from}: ${found.length === 0 ? 'no violation' : 'A VIOLATION'}; ${hours} h of virtual time, ` +
    `${counts.stored} events, ${counts.connections} connections, ${rate} seeds/s`
  )
}

/** The smallest world in which it still happens, and what happened there. */
async function explain({ seed }: FoundViolation): Promise<void> {
  process.exitCode = 1
  const { reduction, outcome } = await shrink(seed, log)
  describe(outcome)
  console.log(`\n${excerptFor(outcome.lines, outcome.violation?.actor, 40)}`)
  console.log(`\nReplay it:  pnpm simulate --seed ${seed}${reductionFlags(reduction)} --trace`)
}

function describe({ seed, violation, hash, counts, settings }: Outcome): void {
  if (violation === undefined) console.log(`Seed ${seed}: no violation. Trace hash ${hash.toString(16)}.`)
  else console.log(`Seed ${seed}: ${violation.actor}: ${violation.kind}: ${violation.text}`)
  console.log(`${JSON.stringify(counts)}\n${JSON.stringify(settings)}`)
}

async function replay(seed: number): Promise<void> {
  const outcome = await runSeed(seed, { reduction: reductionOf(), traceLines: 100_000 })
  if (values.trace) for (const line of outcome.lines) console.log(formatLine(line))
  describe(outcome)
  if (outcome.violation !== undefined) process.exitCode = 1
}

async function showMutants(): Promise<void> {
  const count = numberOf('seeds', values.seeds)
  const from = values.from === undefined ? 1 : numberOf('from', values.from)
  console.log('| mutant | breaks | caught after | as |\n| --- | --- | --- | --- |')
  let missed = 0
  const only = values.only?.split(',')
  const isChosen = ({ name, ...mutant }: Mutant): boolean =>
    only === undefined ? mutant.log === log : only.includes(name)
  for (const { name, breaks, shownBy = from, ...mutant } of mutants.filter(isChosen)) {
    // Some take a rare coincidence, which was found once.
    const isFar = values.from === undefined && shownBy >= from + count
    const begin = isFar ? shownBy : from
    const { seeds, found } = await search({
      from: begin,
      count,
      mutant: name,
      log: mutant.log,
      jobs: numberOf('jobs', values.jobs),
    })
    const [first] = found
    if (first === undefined) missed += 1
    const caught =
      first === undefined ? `**not in ${seeds}**` : isFar ? `seed ${first.seed}` : `${first.seed - from + 1}`
    console.log(`| ${name} | ${breaks} | ${caught} | ${first?.violation.kind ?? ''} |`)
  }
  if (missed > 0) process.exitCode = 1
}
