import type { Database, Query } from '../file/database.ts'
import type { LogState } from '../file/log-state.ts'
import { stateOf } from '../write/finite-topics.ts'
import { lastSeqOf, markOf } from '../write/places.ts'
import { selectFinite } from '../write/transaction.ts'
import type { FiniteRecord } from '../write/transaction.ts'
import type { TopicsAsked } from './topics-asked.ts'

interface Mark {
  readonly seq: number
  readonly topic: string
}

const newestMarks =
  'SELECT seq, topic FROM gone WHERE seq < ? AND seq > ? ORDER BY seq DESC LIMIT ?' as Query<Mark>
// Trimmed, and not deleted yet: they have no mark.
const newestUndeleted =
  'SELECT seq, topic FROM events NOT INDEXED WHERE seq > ? AND seq <= ? ORDER BY seq DESC' as Query<Mark>

// How many topics' marks one read looks at for its patterns. Beyond it, the answer is too great rather than too small.
const maxMarksSeen = 10_000
const marksStep = 500

/** What is known of a topic that was claimed or ended. */
export function recordOf(database: Database, state: LogState, topic: string): FiniteRecord | undefined {
  return state.finite === 0 ? undefined : database.get(selectFinite, topic)
}

/** The `seq` of the newest event that a reader of the topic by name can no longer get. */
function evictedFrom(
  database: Database,
  state: LogState,
  topic: string,
  record: FiniteRecord | undefined,
  now: number,
): number {
  if (record === undefined) return markOf(database, state, topic) ?? state.forgotten
  return stateOf(record, now) === 'expired' ? (record.endSeq ?? state.forgotten) : record.lost
}

/** The `seq` of the newest event that matches and that is gone; 0 if the reader lacks none. See `LogPage.evictedUpTo`. */
export function evictedUpTo(
  database: Database,
  state: LogState,
  asked: TopicsAsked,
  after: number,
  now: number,
): number {
  let newest = after
  for (const name of asked.names) {
    // A topic whose time is over, but that has not been expired yet, is not counted in `evicted`.
    if (state.evicted <= after && state.finite === state.expired) break
    const record = recordOf(database, state, name)
    newest = Math.max(newest, evictedFrom(database, state, name, record, now))
  }
  if (asked.hasWildcards && state.evicted > newest) {
    newest = Math.max(newest, evictedFromPatterns(database, state, asked, newest))
  }
  return newest === after ? 0 : newest
}

/** What was trimmed and is only held is gone for patterns. */
function evictedFromPatterns(database: Database, state: LogState, asked: TopicsAsked, after: number): number {
  const isAsked = ({ topic }: Mark): boolean => !asked.hasName(topic) && asked.matchesPattern(topic)
  const undeleted = database.all(newestUndeleted, after, state.trimmed).find(isAsked)?.seq ?? 0
  return Math.max(undeleted, markedFor(database, state, isAsked, Math.max(after, undeleted)))
}

function markedFor(
  database: Database,
  state: LogState,
  isAsked: (mark: Mark) => boolean,
  after: number,
): number {
  let before = state.seq + 1
  for (let seen = 0; seen < maxMarksSeen; seen += marksStep) {
    const marks = database.all(newestMarks, before, after, marksStep)
    const found = marks.find(isAsked)
    if (found !== undefined) return found.seq
    if (marks.length < marksStep) return state.forgotten
    before = marks.at(-1)?.seq ?? after
  }
  return before
}

/** See `TopicStatus.lastSeq`. */
export function lastSeqIn(database: Database, state: LogState, topic: string): number {
  return lastSeqOf(database, state, topic) ?? state.forgotten
}
