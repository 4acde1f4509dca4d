import { OptionError } from '../errors/option-error.ts'
import { LedgerError } from '../errors/ledger-error.ts'
import type { LedgerReport } from './ledger-report.ts'
import { createNumberRanges, formatRanges } from './number-ranges.ts'
import type { NumberRange, NumberRanges } from './number-ranges.ts'

/** What the readers of a topic should have received. */
export interface LedgerExpectation {
  readonly topic: string
  /** The first number that each reader should have. @defaultValue the first published */
  readonly first?: number
  /** The last number that each reader should have. @defaultValue the last published */
  readonly last?: number
  /** The readers that should have everything. @defaultValue every reader that received an event or a gap of the topic */
  readonly readers?: readonly string[]
  /** Whether a number may be missing if an announced gap covers it. @defaultValue `forbidden` */
  readonly announcedGaps?: 'allowed' | 'forbidden'
}

/** Accounts of numbered events: which were published, and which of them each reader received. */
export interface Ledger {
  /** Notes that `seq` was published. Numbers between published ones are then not expected. */
  published(topic: string, seq: number): void
  /** Notes that the reader received `seq`. */
  received(reader: string, topic: string, seq: number): void
  /** Notes a gap that the reader received: no event between `after` and `before`, both exclusive, will come. */
  announcedGap(reader: string, topic: string, gap: { after: number; before: number }): void
  /** The readers of the topic, in order of their first event or gap. */
  readers(topic: string): readonly string[]
  report(reader: string, expectation: Omit<LedgerExpectation, 'readers' | 'announcedGaps'>): LedgerReport
  /**
   * Checks that each reader has each expected number once, in order, and nothing else.
   *
   * @throws {@link LedgerError} `code: 'ledger-incomplete'` with an account of each reader that has not. Also if there is no
   *   reader at all: a check of nobody would pass.
   * @throws {@link OptionError} `code: 'invalid-option'` if nothing was published and `first` or `last` is absent.
   */
  expectComplete(expectation: LedgerExpectation): void
}

interface Account {
  received: NumberRanges
  announced: NumberRanges
  gaps: number
  repeated: number[]
  outOfOrder: { seq: number; after: number }[]
  highest: number
}

/** How many readers an error describes in full. */
const maxDescribedReaders = 10

/**
 * Creates a ledger, which shows whether readers of numbered events miss an event, or receive an event twice, out of order, or
 * without its being published.
 *
 * Put a number into each event, from 1. A sequence without holes costs one entry, however long it is.
 *
 * @example
 * ```ts
 * import { createLedger } from '@sse-toolkit/testing'
 *
 * const ledger = createLedger()
 * for (const seq of [1, 2, 2, 5]) ledger.received('anna', 'orders', seq)
 * const { missing, repeated } = ledger.report('anna', { topic: 'orders', first: 1, last: 5 })
 * missing // [{ from: 3, to: 4 }]
 * repeated // [2]
 * ```
 */
export function createLedger(): Ledger {
  const publishedByTopic = new Map<string, NumberRanges>()
  const accountsByTopic = new Map<string, Map<string, Account>>()

  function account(reader: string, topic: string): Account {
    const accounts = accountsByTopic.get(topic) ?? new Map<string, Account>()
    accountsByTopic.set(topic, accounts)
    const existing = accounts.get(reader)
    if (existing !== undefined) return existing
    const created: Account = {
      received: createNumberRanges(),
      announced: createNumberRanges(),
      gaps: 0,
      repeated: [],
      outOfOrder: [],
      highest: -Infinity,
    }
    accounts.set(reader, created)
    return created
  }

  function expectedRanges({
    topic,
    first,
    last,
  }: Omit<LedgerExpectation, 'readers'>): readonly NumberRange[] {
    const published = publishedByTopic.get(topic)?.ranges
    const from = first ?? published?.[0]?.from
    const to = last ?? published?.at(-1)?.to
    if (from === undefined || to === undefined)
      throw new OptionError(
        'first, last',
        `${first}, ${last}`,
        `two numbers, because nothing was published on ${topic}`,
      )
    if (published === undefined) return [{ from, to }]
    return published
      .filter((range) => range.to >= from && range.from <= to)
      .map((range) => ({ from: Math.max(range.from, from), to: Math.min(range.to, to) }))
  }

  function report(
    reader: string,
    expectation: Omit<LedgerExpectation, 'readers' | 'announcedGaps'>,
  ): LedgerReport {
    const { topic } = expectation
    const expected = expectedRanges(expectation)
    // Reading a report must not make a reader of somebody who never came.
    const entry = accountsByTopic.get(topic)?.get(reader)
    const received = entry?.received.ranges ?? []
    const lacking = subtract(expected, received)
    const missing = subtract(lacking, entry?.announced.ranges ?? [])
    return {
      reader,
      topic,
      received: entry?.received.size ?? 0,
      missing,
      announced: subtract(lacking, missing),
      repeated: entry?.repeated ?? [],
      outOfOrder: entry?.outOfOrder ?? [],
      unexpected: subtract(received, expected),
      gaps: entry?.gaps ?? 0,
    }
  }

  return {
    published(topic, seq) {
      const published = publishedByTopic.get(topic) ?? createNumberRanges()
      publishedByTopic.set(topic, published)
      published.add({ from: seq, to: seq })
    },
    received(reader, topic, seq) {
      const entry = account(reader, topic)
      if (entry.received.has(seq)) {
        entry.repeated.push(seq)
        return
      }
      if (seq < entry.highest) entry.outOfOrder.push({ seq, after: entry.highest })
      entry.highest = Math.max(entry.highest, seq)
      entry.received.add({ from: seq, to: seq })
    },
    announcedGap(reader, topic, { after, before }) {
      const entry = account(reader, topic)
      entry.gaps += 1
      if (before - after > 1) entry.announced.add({ from: after + 1, to: before - 1 })
    },
    readers: (topic) => [...(accountsByTopic.get(topic)?.keys() ?? [])],
    report,
    expectComplete(expectation) {
      const { topic, announcedGaps = 'forbidden' } = expectation
      const readers = expectation.readers ?? [...(accountsByTopic.get(topic)?.keys() ?? [])]
      if (readers.length === 0) throw new LedgerError(`No reader received an event of ${topic}.`, [])
      const faulty = readers
        .map((reader) => report(reader, expectation))
        .filter((each) => describeFaults(each, announcedGaps) !== '')
      if (faulty.length === 0) return
      const lines = faulty
        .slice(0, maxDescribedReaders)
        .map((each) => `  ${each.reader}: received ${each.received}; ${describeFaults(each, announcedGaps)}`)
      const hidden = faulty.length - lines.length
      if (hidden > 0) lines.push(`  and ${hidden} more`)
      const expected = formatRanges(expectedRanges(expectation))
      throw new LedgerError(
        `${faulty.length} of ${readers.length} readers of ${topic} did not receive exactly ${expected}:\n${lines.join('\n')}`,
        faulty,
      )
    },
  }
}

/** Empty when there is none. */
function describeFaults(report: LedgerReport, announcedGaps: 'allowed' | 'forbidden'): string {
  const { missing, announced, repeated, outOfOrder, unexpected } = report
  const faults: string[] = []
  if (missing.length > 0) faults.push(`missing ${formatRanges(missing)}`)
  if (announced.length > 0 && announcedGaps === 'forbidden')
    faults.push(`lost in announced gaps ${formatRanges(announced)}`)
  if (repeated.length > 0) faults.push(`repeated ${shortList(repeated.map(String))}`)
  if (outOfOrder.length > 0)
    faults.push(`out of order ${shortList(outOfOrder.map(({ seq, after }) => `${seq} after ${after}`))}`)
  if (unexpected.length > 0) faults.push(`unexpected ${formatRanges(unexpected)}`)
  return faults.join('; ')
}

function shortList(items: readonly string[]): string {
  return items.length > 12
    ? `${items.slice(0, 12).join(', ')} and ${items.length - 12} more`
    : items.join(', ')
}

/** What of `ranges` is in none of `removed`; both ascending and disjoint. */
function subtract(ranges: readonly NumberRange[], removed: readonly NumberRange[]): NumberRange[] {
  const rest: NumberRange[] = []
  let at = 0
  for (const { from, to } of ranges) {
    let start = from
    while ((removed[at]?.to ?? Infinity) < from) at += 1
    for (let next = at; ; next += 1) {
      const hole = removed[next]
      if (hole === undefined || hole.from > to) break
      if (hole.from > start) rest.push({ from: start, to: hole.from - 1 })
      start = Math.max(start, hole.to + 1)
    }
    if (start <= to) rest.push({ from: start, to })
  }
  return rest
}
