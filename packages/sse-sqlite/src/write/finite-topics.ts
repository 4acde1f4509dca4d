import { heldBytesOf } from '@sse-toolkit/sse-server'
import type { LoggedEvent, Position, TopicState } from '@sse-toolkit/sse-server'
import type { Database, Query } from '../file/database.ts'
import { registerOwner } from './owners.ts'
import { markOf, lastSeqOf } from './places.ts'
import type { FiniteRecord, Transaction } from './transaction.ts'

const insertFinite = `
  INSERT INTO finite (topic, state, owner, lost, bytes, endSeq, due) VALUES (?, ?, ?, ?, ?, ?, ?)`
const endRunning = `
  UPDATE finite SET state = 'ended', owner = NULL, bytes = ?, endSeq = ?, due = ? WHERE topic = ?`
const markCancelled = 'UPDATE finite SET isCancelled = 1 WHERE topic = ?'
const expireTopic = `
  UPDATE finite SET state = 'expired', lapse = ?, bytes = 0, due = NULL WHERE topic = ?`
const insertMark = 'INSERT OR IGNORE INTO gone (seq, topic) VALUES (?, ?)'
const oldestEnded = `
  SELECT topic FROM finite WHERE state = 'ended' ORDER BY endSeq LIMIT 1` as Query<{ readonly topic: string }>
const overdue = `
  SELECT topic FROM finite WHERE state = 'ended' AND due <= ? ORDER BY due LIMIT ?` as Query<{
  readonly topic: string
}>
// What an event counts for where what is held is limited: heldBytesOf, in SQL.
const bytesOfEvents = `
  SELECT coalesce(sum(length(CAST(data AS BLOB)) + 64), 0) AS bytes FROM events WHERE seq IN (
    SELECT seq FROM places WHERE topic = ? AND seq > ?
    UNION ALL SELECT seq FROM events WHERE seq > ? AND topic = ?)` as Query<{ readonly bytes: number }>

/** The state of a topic at a time. */
export function stateOf(record: FiniteRecord | undefined, now: number): TopicState {
  if (record === undefined) return 'open'
  return record.state === 'ended' && (record.due ?? 0) <= now ? 'expired' : record.state
}

/** @returns the state that the topic was in. */
export function claim(transaction: Transaction, topic: string): TopicState {
  const { database, state, owner, now } = transaction
  const found = stateOf(transaction.recordOf(topic), now)
  if (found !== 'open') return found
  registerOwner(database, owner)
  hold(transaction, topic, { state: 'running', owner, added: 0, endSeq: null, due: null })
  state.finite += 1
  return found
}

/** @returns undefined if it has ended before. */
export function end(
  transaction: Transaction,
  event: LoggedEvent,
  ttlMs: number,
  before: readonly LoggedEvent[],
): Position | undefined {
  const { database, settings, state, now } = transaction
  const { topic } = event
  const record = transaction.recordOf(topic)
  const found = stateOf(record, now)
  if (found === 'ended' || found === 'expired') return undefined
  const events = [...before, event]
  const added = events.reduce((sum, each) => sum + heldBytesOf(each), 0)
  const endSeq = state.seq + events.length
  const due = now + Math.ceil(ttlMs)
  if (record === undefined) {
    const bytes = hold(transaction, topic, { state: 'ended', owner: null, added, endSeq, due })
    state.finite += 1
    // There is always room for an end. Others may have to go for it, unless it is this topic alone that holds too much.
    if (bytes <= settings.maxHeldBytesPerTopic) makeRoom(transaction, 0, topic)
  } else {
    if (record.bytes + added <= settings.maxHeldBytesPerTopic) makeRoom(transaction, added)
    database.run(endRunning, record.bytes + added, endSeq, due, topic)
    state.heldBytes += added
    transaction.forgetRecord(topic)
  }
  for (const each of events) transaction.store(each)
  return { epoch: state.epoch, seq: endSeq }
}

/** @returns the state that the topic is in. */
export function cancel(transaction: Transaction, topic: string): TopicState {
  const found = stateOf(transaction.recordOf(topic), transaction.now)
  if (found !== 'running') return found
  transaction.database.run(markCancelled, topic)
  transaction.notice('cancel', topic, '')
  transaction.news.push((listener) => listener.cancelled(topic))
  return found
}

/** Where all held topics together hold too much, the ended ones expire. @returns whether there is room. */
export function makeRoom(transaction: Transaction, bytes: number, except?: string): boolean {
  const { database, settings, state } = transaction
  while (state.heldBytes + bytes > settings.maxHeldBytes) {
    const oldest = database.get(oldestEnded)?.topic
    if (oldest === undefined || oldest === except) return false
    expire(transaction, oldest)
  }
  return true
}

/** Ended topics whose time is over, so many at most. */
export function overdueTopics(database: Database, now: number, limit: number): readonly string[] {
  return database.all(overdue, now, limit).map(({ topic }) => topic)
}

/** Expires them, so many at most. */
export function expireOverdue(transaction: Transaction, limit: number): void {
  for (const topic of overdueTopics(transaction.database, transaction.now, limit)) expire(transaction, topic)
}

function expire(transaction: Transaction, topic: string): void {
  const { database, state } = transaction
  const record = transaction.recordOf(topic)
  state.lapses += 1
  state.expired += 1
  state.unswept += 1
  state.heldBytes -= record?.bytes ?? 0
  const endSeq = record?.endSeq ?? 0
  state.evicted = Math.max(state.evicted, endSeq)
  // Its events are deleted gradually. For readers they are gone.
  state.marks += database.run(insertMark, endSeq, topic)
  database.run(expireTopic, state.lapses, topic)
  transaction.forgetRecord(topic)
}

interface Holding {
  readonly state: 'running' | 'ended'
  readonly owner: string | null
  /** Bytes of the events that come with it. */
  readonly added: number
  readonly endSeq: number | null
  readonly due: number | null
}

/** From now on the topic keeps what it has. @returns the bytes of it. */
function hold(transaction: Transaction, topic: string, holding: Holding): number {
  const { database, state } = transaction
  // What was forgotten of other topics is not missing from one that begins here.
  const isKnown = lastSeqOf(database, state, topic) !== undefined
  const lost = markOf(database, state, topic) ?? (isKnown ? state.forgotten : 0)
  const counted = isKnown
    ? (database.get(bytesOfEvents, topic, state.trimmed, state.indexed, topic)?.bytes ?? 0)
    : 0
  const bytes = counted + holding.added
  database.run(insertFinite, topic, holding.state, holding.owner, lost, bytes, holding.endSeq, holding.due)
  state.heldBytes += bytes
  transaction.forgetRecord(topic)
  return bytes
}
