import type { Database, Query } from '../file/database.ts'
import type { LogState } from '../file/log-state.ts'

const fillPlaces = `
  INSERT INTO places (topic, seq) SELECT topic, seq FROM events WHERE seq > ? AND seq <= ? ORDER BY topic, seq`
const newestPlaceUpTo =
  'SELECT seq FROM places WHERE topic = ? AND seq <= ? ORDER BY seq DESC LIMIT 1' as Query<Place>
const newestPlace = 'SELECT seq FROM places WHERE topic = ? ORDER BY seq DESC LIMIT 1' as Query<Place>
const newestUnindexed = 'SELECT max(seq) AS seq FROM events WHERE seq > ? AND topic = ?' as Query<Place>

interface Place {
  readonly seq: number | null
}

/** Events that are stored and have no place in the index yet, at most, between two transactions. */
export const maxUnindexed = 512

/** Gives all events up to this one their places. */
export function fillIndex(database: Database, state: LogState, upTo: number): void {
  if (upTo <= state.indexed) return
  database.run(fillPlaces, state.indexed, upTo)
  state.indexed = upTo
}

/** The `seq` of the newest event that a topic has lost by being trimmed; undefined if it has no mark. */
export function markOf(database: Database, state: LogState, topic: string): number | undefined {
  return database.get(newestPlaceUpTo, topic, state.trimmed)?.seq ?? undefined
}

/** The `seq` of the topic's newest event, whether it is still there or not; undefined if unknown. */
export function lastSeqOf(database: Database, state: LogState, topic: string): number | undefined {
  const unindexed =
    state.seq > state.indexed ? database.get(newestUnindexed, state.indexed, topic)?.seq : undefined
  return unindexed ?? database.get(newestPlace, topic)?.seq ?? undefined
}
