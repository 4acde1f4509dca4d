import type { Database, Query } from '../file/database.ts'
import type { LogState } from '../file/log-state.ts'
import { deleteTrimmed } from './marks.ts'
import { fillIndex, maxUnindexed } from './places.ts'
import type { Transaction } from './transaction.ts'

// "NOT INDEXED": the planner would otherwise look for these rows by way of another index, at a million rows for a second.
const oldestEvents =
  'SELECT seq, length, at FROM events NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT ?' as Query<Oldest>
const eventAt = 'SELECT seq FROM events NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?' as Query<
  Pick<Oldest, 'seq'>
>
const firstTime = 'SELECT at FROM events NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT 1' as Query<
  Pick<Oldest, 'at'>
>
const totalsBetween = `
  SELECT count(*) AS events, coalesce(sum(length), 0) AS length FROM events NOT INDEXED
  WHERE seq > ? AND seq <= ?` as Query<{ readonly events: number; readonly length: number }>
const holdTrimmed = `
  INSERT INTO held (topic, seq, event, key, data)
  SELECT topic, seq, event, key, data FROM events NOT INDEXED WHERE seq > ? AND seq <= ? AND EXISTS (
    SELECT 1 FROM finite WHERE finite.topic = events.topic AND finite.state <> 'expired')`

// How many events are trimmed in one turn, in addition to as many as the turn has stored.
const trimStep = 100
// So many trimmed events, or so much of their data, are deleted together: many of them are of the same topics.
const deleteStep = 512
const deleteLength = 1_048_576

interface Oldest {
  readonly seq: number
  readonly length: number
  readonly at: number
}

/**
 * Trims the oldest events: those beyond the limits of count and size, and those that are too old. No more than a turn should
 * take. From then on they cannot be read; they are deleted later, many at once.
 *
 *     | trimmed, and not deleted yet | events ..................................... |
 *                           trimmed ^                          indexed ^       seq ^
 *
 * @returns whether there may be more to trim.
 */
export function trim(transaction: Transaction): boolean {
  const { database, state, entries } = transaction
  const limit = Math.min(state.events, trimStep + 2 * entries.length)
  const cut = cutOf(transaction, limit)
  if (cut === undefined) {
    if (state.seq - state.indexed >= maxUnindexed) fillIndex(database, state, state.seq)
    return false
  }
  const totals = database.get(totalsBetween, state.trimmed, cut)
  const trimmed = totals?.events ?? 0
  if (state.finite > state.expired) database.run(holdTrimmed, state.trimmed, cut)
  state.events -= trimmed
  state.length -= totals?.length ?? 0
  state.trimmed = cut
  state.evicted = Math.max(state.evicted, cut)
  state.undeleted += trimmed
  state.undeletedLength += totals?.length ?? 0
  if (cut > state.indexed || state.seq - state.indexed >= maxUnindexed) fillIndex(database, state, state.seq)
  if (state.undeleted >= deleteStep || state.undeletedLength >= deleteLength) deleteTrimmed(transaction)
  return trimmed === limit
}

/** When the oldest event was stored; `otherwise` if there are no events. */
export function oldestTime(database: Database, state: LogState, otherwise: number): number {
  return database.get(firstTime, state.trimmed)?.at ?? otherwise
}

/** The `seq` of the newest event that is to go; undefined if all may stay. */
function cutOf(transaction: Transaction, limit: number): number | undefined {
  const { database, settings, state } = transaction
  const excess = Math.min(limit, state.events - settings.maxEvents)
  const isLong = state.length > settings.maxDataLength && state.events > 1
  const before = settings.maxAgeMs === 0 ? -1 : transaction.now - settings.maxAgeMs
  if (!isLong && !isTooOld(transaction, before)) {
    return excess > 0 ? database.get(eventAt, state.trimmed, excess - 1)?.seq : undefined
  }
  let { length } = state
  let count = 0
  let cut: number | undefined
  for (const oldest of database.all(oldestEvents, state.trimmed, limit)) {
    // The newest stays, however large it is: it is about to be delivered.
    const isTooLong = length > settings.maxDataLength && oldest.seq < state.seq
    if (count >= excess && !isTooLong && oldest.at > before) break
    count += 1
    length -= oldest.length
    cut = oldest.seq
  }
  return cut
}

function isTooOld({ database, state, now }: Transaction, before: number): boolean {
  // No event is older than that: most turns need not look.
  if (before < state.oldest) return false
  state.oldest = oldestTime(database, state, now)
  return state.oldest <= before
}
