import type { Fact, History } from './history.ts'

/**
 * The judge. It knows the events that were really stored (`History`), the events that each reader received, and the gaps
 * that each reader was sent. It does not know how hub and client work.
 *
 *     facts     0  1  2  3  4  5  6  7  8  9
 *     wanted       w     w  w     w     w  w       topics, patterns, filter
 *     promised        |-----------------------     from where the reader may count on everything
 *     delivered          d              d
 *     gap                   [-----)                (requested, position of the gap]
 *
 * At each delivery, every wanted and promised event before it must have been delivered or covered by a gap.
 */

export type ViolationKind =
  | 'missing'
  | 'repeated'
  | 'out-of-order'
  | 'not-stored'
  | 'stored-otherwise'
  | 'not-wanted'
  | 'not-authorized'
  | 'wrong-gap'
  | 'wrong-position'
  | 'wrong-end'
  | 'wrong-answer'
  | 'ran-twice'
  | 'ran-unclaimed'
  | 'hot-loop'
  | 'not-caught-up'
  | 'over-limit'
  | 'left-behind'
  | 'epoch-lost'
  | 'unexpected-error'

export interface Violation {
  readonly kind: ViolationKind
  /** Who noticed it, as in the trace. */
  readonly actor: string
  readonly text: string
}

export type Report = (violation: Violation) => void

interface Delivery {
  readonly id: string
  readonly type: string
  readonly data: string
}

/** The data of a `stream.gap`, and the id of its block. */
export interface AnnouncedGap {
  readonly id: string
  readonly reason: string
  readonly requested: string | null
  readonly earliest: string | null
  readonly latest: string | null
}

export interface ReaderTerms {
  readonly name: string
  /** Topic, filter, and whether announcements of failures are among what it is sent. */
  readonly wants: (fact: Fact) => boolean
  /** A newer event of the same key may take the place of an older one: the hub's policy `latest`. */
  readonly newestOfKey: boolean
  /**
   * Of several topics, one may lose events that are newer than what another still holds. The gap comes before all that
   * follows, so what it is about ends at the head of its time, and not at the first event that follows.
   */
  readonly readsManyTopics: boolean
  /** Whether a gap of this reason can be true; undefined is yes, else what speaks against it. */
  readonly objectionTo: (gap: AnnouncedGap) => string | undefined
}

/** What one reader was promised, and what it got. */
export interface Reader {
  /** Undefined until it is promised anything. */
  readonly promisedFrom: number | undefined
  /** The reader may count on everything from this rank on. Said again, the first holds. */
  promise(rank: number): void
  deliver(delivery: Delivery): void
  announce(gap: AnnouncedGap): void
  /** Wanted, promised, and neither delivered nor covered. */
  outstanding(upTo?: number): readonly Fact[]
}

interface Range {
  readonly from: number
  readonly to: number
}

export function createReader(history: History, terms: ReaderTerms, report: Report): Reader {
  const { name, wants } = terms
  const delivered = new Set<number>()
  const covered: Range[] = []
  let promisedFrom: number | undefined
  // Nothing below it is to come any more.
  let next = 0
  // Up to here it was looked for what is missing.
  let checked = 0
  // The newest fact of each key that was passed over under `latest`: a newer one of its key has to come.
  const owed = new Map<string, Fact>()

  const rankOf = (id: string | null): number => (id === null ? 0 : (history.rankOf(id) ?? 0))
  const isCovered = (index: number): boolean => covered.some(({ from, to }) => from <= index && index < to)
  const violate = (kind: ViolationKind, text: string): void => report({ kind, actor: name, text })

  function lacking(from: number, to: number): Fact[] {
    if (promisedFrom === undefined) return []
    return history.facts
      .slice(Math.max(from, promisedFrom), to)
      .filter((fact) => wants(fact) && !delivered.has(fact.index) && !isCovered(fact.index))
  }

  /** Beyond its position a gap says what follows; where nothing does, all is lost that there is. */
  function lostUpTo({ reason, earliest, latest }: AnnouncedGap): number {
    // A client's own queue may have dropped a gap as well, and the extent of that gap is unknown.
    if (latest === null && terms.readsManyTopics) return history.facts.length
    if (earliest === null || (reason !== 'dropped' && terms.readsManyTopics)) return rankOf(latest)
    // What follows may be no event, but another gap.
    return history.at(earliest) === undefined ? rankOf(earliest) : rankOf(earliest) - 1
  }

  function settleUpTo(index: number): void {
    for (const fact of lacking(checked, index)) {
      if (terms.newestOfKey) owed.set(fact.key, fact)
      else
        violate('missing', `${describe(fact)}, and no gap covers it; then came ${history.facts[index]?.id}`)
    }
    checked = Math.max(checked, index)
  }

  return {
    get promisedFrom() {
      return promisedFrom
    },
    promise(rank) {
      promisedFrom ??= rank
    },
    deliver({ id, type, data }) {
      const fact = history.at(id)
      if (fact === undefined || fact.data !== data || fact.type !== type) {
        violate(
          'not-stored',
          `an event ${type} of id ${id} with data ${data.slice(0, 40)} was never stored so`,
        )
        return
      }
      if (!wants(fact)) violate('not-wanted', describe(fact))
      if (delivered.has(fact.index)) violate('repeated', describe(fact))
      else if (fact.index < next)
        violate('out-of-order', `${describe(fact)} after ${history.facts[next - 1]?.id}`)
      settleUpTo(fact.index)
      delivered.add(fact.index)
      const owedFact = owed.get(fact.key)
      if (owedFact !== undefined && owedFact.index < fact.index) owed.delete(fact.key)
      next = Math.max(next, fact.index + 1)
    },
    announce(gap) {
      // A client's own queue may drop before it has given anything, and then has no position to tell.
      const to = gap.id === '' ? 0 : history.rankOf(gap.id)
      if (to === undefined) {
        violate('wrong-gap', `its position ${gap.id} is none of the log's`)
        return
      }
      // What lies in the future was never there to be lost.
      const from = Math.min(rankOf(gap.requested), to)
      const objection = terms.objectionTo(gap)
      if (objection !== undefined) violate('wrong-gap', `${JSON.stringify(gap)}: ${objection}`)
      const range = { from, to: Math.max(to, lostUpTo(gap)) }
      const had = history.facts.slice(range.from, range.to).find(({ index }) => delivered.has(index))
      if (had !== undefined)
        violate('wrong-gap', `${JSON.stringify(gap)} covers ${had.id}, which was delivered`)
      covered.push(range)
      // What took the place of an older event may be lost itself.
      const lost = history.facts.slice(range.from, range.to)
      for (const { key, index } of owed.values())
        if (lost.some((fact) => fact.key === key && fact.index >= index)) owed.delete(key)
      // A position of the future is taken back.
      next = gap.reason === 'future' ? to : Math.max(next, to)
    },
    outstanding(upTo = history.facts.length) {
      const missing = lacking(checked, upTo)
      return terms.newestOfKey ? [...owed.values(), ...newestOfEachKey(missing)] : missing
    },
  }
}

function newestOfEachKey(facts: readonly Fact[]): Fact[] {
  return [...new Map(facts.map((fact) => [fact.key, fact])).values()]
}

function describe({ id, topic, type, atMs }: Fact): string {
  return `${type} ${id} of ${topic}, stored at ${(atMs / 1000).toFixed(3)}`
}
