import type { Database, Query } from '../file/database.ts'
import { fillIndex, maxUnindexed } from './places.ts'
import type { Transaction } from './transaction.ts'

// "NOT INDEXED": the planner would otherwise look for these rows by way of another index, at a million rows for a second.
const oldestEvents = 'SELECT seq, length, at FROM events NOT INDEXED ORDER BY seq LIMIT ?' as Query<Oldest>
const eventAt = 'SELECT seq FROM events NOT INDEXED ORDER BY seq LIMIT 1 OFFSET ?' as Query<
  Pick<Oldest, 'seq'>
>
const selectOldestTime = 'SELECT at FROM events NOT INDEXED ORDER BY seq LIMIT 1' as Query<Pick<Oldest, 'at'>>
const totalsUpTo = `
  SELECT count(*) AS events, coalesce(sum(length), 0) AS length FROM events NOT INDEXED WHERE seq <= ?` as Query<{
  readonly events: number
  readonly length: number
}>
const holdTrimmed = `
  INSERT INTO held (topic, seq, event, key, data)
  SELECT topic, seq, event, key, data FROM events NOT INDEXED WHERE seq <= ? AND EXISTS (
    SELECT 1 FROM finite WHERE finite.topic = events.topic AND finite.state <> 'expired')`
const markTrimmed =
  'INSERT INTO gone (seq, topic) SELECT max(seq), topic FROM events NOT INDEXED WHERE seq <= ? GROUP BY topic'
const deleteTrimmed = 'DELETE FROM events WHERE seq <= ?'
const marksAfter = `
  SELECT max(seq) AS seq, topic FROM (SELECT seq, topic FROM gone WHERE seq > ? ORDER BY seq LIMIT ?) GROUP BY topic` as Query<{
  seq: number
  topic: string
}>
const lastMarkOf =
  'SELECT max(seq) AS seq FROM (SELECT seq FROM gone WHERE seq > ? ORDER BY seq LIMIT ?)' as Query<{
    readonly seq: number | null
  }>
const deleteOlderMarks = `
  DELETE FROM gone WHERE seq IN (SELECT seq FROM places WHERE topic = ?1 AND seq < ?2)`
const deleteOlderPlaces = 'DELETE FROM places WHERE topic = ? AND seq < ?'
const oldestMarks = 'SELECT seq, topic FROM gone WHERE seq <= ? ORDER BY seq LIMIT ?' as Query<{
  seq: number
  topic: string
}>
const deleteMarks = 'DELETE FROM gone WHERE seq <= ?'

// How many events are trimmed in one turn, beside as many as the turn has stored.
const trimStep = 100
// Of how many trimmed events the marks are thinned out together. So few are thinned in one turn that it stays short.
const thinStep = 256
// Topics that are known to have lost events, each with the place of the newest.
const maxMarks = 100_000

interface Oldest {
  readonly seq: number
  readonly length: number
  readonly at: number
}

/**
 * Trims the oldest events: those beyond the limits of count and size, and those that are too old. No more than a turn should
 * take.
 *
 * @returns whether there may be more to trim.
 */
export function trim(transaction: Transaction): boolean {
  const { database, state, entries } = transaction
  const limit = Math.min(state.events, trimStep + 2 * entries.length)
  const cut = cutOf(transaction, limit)
  if (cut === undefined) {
    if (state.seq - state.indexed >= maxUnindexed) fillIndex(database, state, state.seq)
    thinMarks(transaction)
    return false
  }
  const totals = database.get(totalsUpTo, cut)
  const trimmed = totals?.events ?? 0
  if (cut > state.indexed) fillIndex(database, state, state.seq)
  if (state.finite > state.expired) database.run(holdTrimmed, cut)
  state.marks += database.run(markTrimmed, cut)
  database.run(deleteTrimmed, cut)
  state.events -= trimmed
  state.length -= totals?.length ?? 0
  state.trimmed = cut
  state.evicted = Math.max(state.evicted, cut)
  thinMarks(transaction)
  return trimmed === limit
}

/** When the oldest event was stored; `otherwise` if there is none. */
export function oldestTime(database: Database, otherwise: number): number {
  return database.get(selectOldestTime)?.at ?? otherwise
}

/** The `seq` of the newest event that is to go; undefined if all may stay. */
function cutOf(transaction: Transaction, limit: number): number | undefined {
  const { database, settings, state, now } = transaction
  const excess = Math.min(limit, state.events - settings.maxEvents)
  const isLong = state.length > settings.maxDataLength && state.events > 1
  const before = settings.maxAgeMs === 0 ? -1 : now - settings.maxAgeMs
  const isOld = before >= 0 && oldestTime(database, now) <= before
  if (!isLong && !isOld) {
    return excess > 0 ? database.get(eventAt, excess - 1)?.seq : undefined
  }
  let { length } = state
  let count = 0
  let cut: number | undefined
  for (const oldest of database.all(oldestEvents, limit)) {
    // The newest stays, however large it is: it is about to be delivered.
    const isTooLong = length > settings.maxDataLength && oldest.seq < state.seq
    if (count >= excess && !isTooLong && oldest.at > before) break
    count += 1
    length -= oldest.length
    cut = oldest.seq
  }
  return cut
}

/**
 * Of each topic's marks only the newest is kept. That is done for some hundred events at once: many of them are of the same
 * topics.
 */
function thinMarks(transaction: Transaction): void {
  const { database, state } = transaction
  if (state.marks === 0 || state.trimmed - state.thinned < thinStep) return
  const upTo = database.get(lastMarkOf, state.thinned, thinStep)?.seq ?? state.trimmed
  for (const { seq, topic } of database.all(marksAfter, state.thinned, thinStep)) {
    state.marks -= database.run(deleteOlderMarks, topic, seq)
    database.run(deleteOlderPlaces, topic, seq)
  }
  state.thinned = upTo
  forgetMarks(transaction)
}

/** Beyond so many topics the oldest marks go, and one is kept for all their topics: the greatest. */
function forgetMarks(transaction: Transaction): void {
  const { database, state } = transaction
  if (state.marks <= maxMarks) return
  const marks = database.all(oldestMarks, state.thinned, Math.min(thinStep, state.marks - maxMarks))
  const newest = marks.at(-1)
  if (newest === undefined) return
  for (const { seq, topic } of marks) database.run(deleteOlderPlaces, topic, seq + 1)
  state.marks -= database.run(deleteMarks, newest.seq)
  state.forgotten = Math.max(state.forgotten, newest.seq)
}
