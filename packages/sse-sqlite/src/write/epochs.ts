import type { LoggedEvent } from '@sse-toolkit/sse-server'
import type { Query } from '../file/database.ts'
import { randomWord } from '../random-word.ts'
import type { Transaction } from './transaction.ts'

const endings = `
  SELECT finite.topic, coalesce(events.event, held.event) AS event, coalesce(events.data, held.data) AS data
  FROM finite LEFT JOIN events ON events.seq = finite.endSeq
  LEFT JOIN held ON held.topic = finite.topic AND held.seq = finite.endSeq
  WHERE finite.state = 'ended' AND coalesce(events.data, held.data) IS NOT NULL ORDER BY finite.endSeq` as Query<Ending>
const dropAll = ['events', 'places', 'gone', 'held', 'producers', 'batches'].map(
  (table) => `DELETE FROM ${table}`,
)
const sweepAll = `UPDATE finite SET isSwept = 1 WHERE state = 'expired'`
const loseAll = 'UPDATE finite SET lost = ?, bytes = 0'
const moveEnd = 'UPDATE finite SET endSeq = ? WHERE topic = ?'

interface Ending {
  readonly topic: string
  readonly event: string | null
  readonly data: string
}

/**
 * Begins a new epoch: the file may lack what was acknowledged, and its next places have been given to other events.
 *
 * Events go, and so does what is known of producers: it is unknown what a reader of the old epoch has had of them. The states of
 * finite topics stay, since what ran once must not run again, and the control entries. The ends of topics are stored again, so
 * that a reader that waits for an end gets it.
 */
export function beginEpoch(transaction: Transaction, leastSeq = 0): void {
  const { database, settings, state } = transaction
  const ends = database.all(endings)
  for (const statement of dropAll) database.run(statement)
  const base = Math.max(state.seq, leastSeq)
  database.run(sweepAll)
  database.run(loseAll, base)
  Object.assign(state, {
    epoch: randomWord(settings.runtime),
    base,
    seq: base,
    indexed: base,
    trimmed: base,
    evicted: base,
    forgotten: base,
    oldest: transaction.now,
    undeleted: 0,
    undeletedLength: 0,
    marks: 0,
    events: 0,
    length: 0,
    heldBytes: 0,
    unswept: 0,
    producers: 0,
  })
  for (const { topic, event, data } of ends) {
    const ending: LoggedEvent = { topic, event: event ?? undefined, data, key: undefined }
    database.run(moveEnd, transaction.store(ending).position.seq, topic)
  }
}
