import type { Query } from '../file/database.ts'
import { fillIndex } from './places.ts'
import type { Transaction } from './transaction.ts'

const unswept = `
  SELECT topic, endSeq FROM finite WHERE state = 'expired' AND isSwept = 0 ORDER BY lapse LIMIT 1` as Query<{
  readonly topic: string
  readonly endSeq: number
}>
const heldSeqs = 'SELECT seq FROM held WHERE topic = ? ORDER BY seq LIMIT ?' as Query<{
  readonly seq: number
}>
const deleteHeld = 'DELETE FROM held WHERE topic = ? AND seq <= ?'
const storedSeqs = 'SELECT seq FROM places WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?' as Query<{
  readonly seq: number
}>
const lengthOfEvents = `
  SELECT count(*) AS events, coalesce(sum(length), 0) AS length FROM events WHERE seq IN (
    SELECT seq FROM places WHERE topic = ? AND seq > ? AND seq <= ?)` as Query<{
  readonly events: number
  readonly length: number
}>
const deleteEvents = `
  DELETE FROM events WHERE seq IN (SELECT seq FROM places WHERE topic = ? AND seq > ? AND seq <= ?)`
const deletePlaces = 'DELETE FROM places WHERE topic = ? AND seq > ? AND seq <= ? AND seq <> ?'
const markSwept = 'UPDATE finite SET isSwept = 1 WHERE topic = ?'
const oldestExpired = `
  SELECT topic FROM finite WHERE state = 'expired' AND isSwept = 1 AND endSeq <= ? ORDER BY lapse LIMIT ?` as Query<{
  readonly topic: string
}>
const deleteFinite = 'DELETE FROM finite WHERE topic = ?'

// How many events of one topic are deleted at once, and how often in one turn.
const sweepStep = 100
const sweepSteps = 12
// Of how many finite topics it is remembered that their time is over: they are not run again.
const maxExpiredTopics = 100_000
const forgetStep = 100

/** Deletes events of topics whose time is over. @returns whether there is more to delete. */
export function sweep(transaction: Transaction): boolean {
  // Until they are deleted they count, and others are trimmed in their place.
  for (let step = 0; step < sweepSteps; step += 1) if (!sweepOnce(transaction)) return false
  return true
}

function sweepOnce(transaction: Transaction): boolean {
  const { database, state } = transaction
  if (state.unswept === 0) return false
  const topic = database.get(unswept)
  if (topic === undefined) {
    state.unswept = 0
    return false
  }
  if (sweepHeld(transaction, topic.topic) || sweepStored(transaction, topic.topic, topic.endSeq)) return true
  database.run(markSwept, topic.topic)
  state.unswept -= 1
  forgetExpired(transaction)
  return state.unswept > 0
}

function sweepHeld({ database }: Transaction, topic: string): boolean {
  const last = database.all(heldSeqs, topic, sweepStep).at(-1)
  if (last === undefined) return false
  database.run(deleteHeld, topic, last.seq)
  return true
}

/** The place of the topic's end is kept: it becomes the topic's mark. */
function sweepStored({ database, state }: Transaction, topic: string, endSeq: number): boolean {
  fillIndex(database, state, state.seq)
  const seqs = database.all(storedSeqs, topic, state.trimmed, sweepStep)
  const last = seqs.at(-1)
  if (last === undefined) return false
  const range = [topic, state.trimmed, last.seq] as const
  const totals = database.get(lengthOfEvents, ...range)
  database.run(deleteEvents, ...range)
  database.run(deletePlaces, ...range, endSeq)
  state.events -= totals?.events ?? 0
  state.length -= totals?.length ?? 0
  return seqs.length === sweepStep
}

function forgetExpired({ database, state }: Transaction): void {
  const excess = Math.min(forgetStep, state.expired - maxExpiredTopics)
  if (excess <= 0) return
  for (const { topic } of database.all(oldestExpired, state.trimmed, excess)) {
    database.run(deleteFinite, topic)
    state.finite -= 1
    state.expired -= 1
  }
}
