import type { Query } from '../file/database.ts'
import type { Transaction } from './transaction.ts'

const createNewMarks =
  'CREATE TEMP TABLE IF NOT EXISTS newMarks (topic TEXT PRIMARY KEY, seq INTEGER) WITHOUT ROWID'
const findNewMarks = `
  INSERT INTO newMarks SELECT topic, max(seq) FROM events NOT INDEXED WHERE seq <= ? GROUP BY topic`
// The oldest place of a topic is its old mark, if it had one.
const deleteOldMarks = `
  DELETE FROM gone WHERE seq IN (
    SELECT (SELECT seq FROM places WHERE places.topic = newMarks.topic ORDER BY seq LIMIT 1) FROM newMarks)`
const deleteOldPlaces = 'DELETE FROM places WHERE topic = ? AND seq < ?'
const allNewMarks = 'SELECT topic, seq FROM newMarks' as Query<Mark>
const insertNewMarks = 'INSERT OR IGNORE INTO gone (seq, topic) SELECT seq, topic FROM newMarks ORDER BY seq'
const clearNewMarks = 'DELETE FROM newMarks'
const deleteEvents = 'DELETE FROM events WHERE seq <= ?'

const oldestMarks = 'SELECT seq, topic FROM gone ORDER BY seq LIMIT ?' as Query<Mark>
const deleteMark = 'DELETE FROM gone WHERE seq = ?'
const deletePlacesUpTo = 'DELETE FROM places WHERE topic = ? AND seq <= ?'

interface Mark {
  readonly seq: number
  readonly topic: string
}

// Topics that are known to have lost events, each with the place of the newest.
const maxMarks = 100_000

/** Deletes the events that were trimmed. Of each topic the newest leaves its place as the topic's mark. */
export function deleteTrimmed(transaction: Transaction): void {
  const { database, state } = transaction
  database.run(createNewMarks)
  database.run(findNewMarks, state.trimmed)
  state.marks -= database.run(deleteOldMarks)
  // One statement for all of them would compare each place with a list.
  for (const { topic, seq } of database.all(allNewMarks)) database.run(deleteOldPlaces, topic, seq)
  state.marks += database.run(insertNewMarks)
  database.run(clearNewMarks)
  database.run(deleteEvents, state.trimmed)
  state.undeleted = 0
  state.undeletedLength = 0
  forgetMarks(transaction)
}

/** Beyond so many topics the oldest marks go, and one is kept for all their topics: the greatest. */
function forgetMarks({ database, state }: Transaction): void {
  if (state.marks <= maxMarks) return
  for (const { seq, topic } of database.all(oldestMarks, state.marks - maxMarks)) {
    // The mark of a topic whose time is over may lie among events that are still there.
    if (seq > state.trimmed) return
    database.run(deletePlacesUpTo, topic, seq)
    database.run(deleteMark, seq)
    state.marks -= 1
    state.forgotten = Math.max(state.forgotten, seq)
  }
}
