import { maxPageLength } from '@sse-toolkit/sse-server'
import type { LogEntry } from '@sse-toolkit/sse-server'
import type { Database, Query } from '../file/database.ts'
import type { LogState } from '../file/log-state.ts'
import { entryOf, selectEvents, selectHeld } from './rows.ts'
import type { EventRow } from './rows.ts'

const placesAfter = 'SELECT seq FROM places WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?' as Query<
  Pick<Place, 'seq'>
>
const heldAfter = 'SELECT seq FROM held WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?' as Query<
  Pick<Place, 'seq'>
>
const unindexedOf = 'SELECT seq FROM events WHERE seq > ? AND topic = ? ORDER BY seq LIMIT ?' as Query<
  Pick<Place, 'seq'>
>
const eventAt = `${selectEvents} WHERE seq = ?` as Query<EventRow>
const heldAt = `${selectHeld} WHERE topic = ? AND seq = ?` as Query<EventRow>

// Of many topics only a few events each are asked for at once: together, about twice what the page holds.
const leastPerTopic = 8

export interface Found {
  readonly entries: readonly LogEntry[]
  /** Whether there may be more after them. */
  readonly isCut: boolean
}

interface Place {
  readonly seq: number
  readonly topic: string
}

/**
 * The events of topics by their names, from the file, in order: what is held, then what is stored.
 *
 *     topic a   | a1  a4  a9 |            so many places of each; what lies after the least of their last ones may lack
 *     topic b   | b2  b3  b5 |  b6 ..     an event in between, and is left to the next page
 *                          ^ up to here
 *
 * @param names - without those whose time is over.
 * @param isHeldOnly - Only what was trimmed, for a reader that finds the rest by patterns.
 */
export function readNames(
  database: Database,
  state: LogState,
  names: readonly string[],
  after: number,
  limit: number,
  isHeldOnly = false,
): Found {
  const count = 1 + Math.max(leastPerTopic, Math.ceil((limit * 2) / Math.max(1, names.length)))
  let upTo = Number.POSITIVE_INFINITY
  const places: Place[] = []
  for (const topic of names) {
    const seqs = seqsOf(database, state, topic, after, Math.min(count, limit + 1), isHeldOnly)
    if (seqs.length === Math.min(count, limit + 1)) upTo = Math.min(upTo, seqs.at(-1) ?? upTo)
    for (const seq of seqs) places.push({ seq, topic })
  }
  if (names.length > 1) places.sort((one, other) => one.seq - other.seq)
  const entries: LogEntry[] = []
  let length = 0
  for (const place of places) {
    if (place.seq > upTo || entries.length > limit || length > maxPageLength) break
    const row = rowAt(database, state, place)
    if (row === undefined) continue
    length += row.data.length
    entries.push(entryOf(row, state.epoch))
  }
  return { entries, isCut: entries.length < places.length || upTo !== Number.POSITIVE_INFINITY }
}

function seqsOf(
  database: Database,
  state: LogState,
  topic: string,
  after: number,
  count: number,
  isHeldOnly: boolean,
): readonly number[] {
  const seqs: number[] = []
  const add = (sql: Query<Pick<Place, 'seq'>>, ...values: readonly (string | number)[]): void => {
    for (const { seq } of database.all(sql, ...values, count - seqs.length)) seqs.push(seq)
  }
  if (after < state.trimmed && state.finite > state.expired) add(heldAfter, topic, after)
  if (isHeldOnly) return seqs
  if (seqs.length < count && after < state.indexed) add(placesAfter, topic, Math.max(after, state.trimmed))
  if (seqs.length < count && state.indexed < state.seq)
    add(unindexedOf, Math.max(after, state.indexed), topic)
  return seqs
}

function rowAt(database: Database, state: LogState, { seq, topic }: Place): EventRow | undefined {
  return seq > state.trimmed ? database.get(eventAt, seq) : database.get(heldAt, topic, seq)
}
