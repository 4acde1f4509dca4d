import { ProducerSequenceError } from '@sse-toolkit/sse-server'
import type { ProducerSequence } from '@sse-toolkit/sse-server'
import type { Query } from '../file/database.ts'
import type { Transaction } from './transaction.ts'

const selectProducer =
  'SELECT epoch, latest, usedAt FROM producers WHERE topic = ? AND id = ?' as Query<Producer>
const saveProducer = `
  INSERT INTO producers (topic, id, epoch, latest, usedAt) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET epoch = excluded.epoch, latest = excluded.latest, usedAt = excluded.usedAt`
const selectBatch = 'SELECT seq FROM batches WHERE topic = ? AND id = ? AND number = ?' as Query<{
  readonly seq: number
}>
const insertBatch = 'INSERT INTO batches (topic, id, number, seq) VALUES (?, ?, ?, ?)'
const deleteBatches = 'DELETE FROM batches WHERE topic = ? AND id = ? AND number <= ?'
const deleteAllBatches = 'DELETE FROM batches WHERE topic = ? AND id = ?'
const deleteProducer = 'DELETE FROM producers WHERE topic = ? AND id = ?'
const oldestProducer = 'SELECT topic, id, usedAt FROM producers ORDER BY usedAt LIMIT 1' as Query<
  Producer & ProducerKey
>

// Of how many of its last batches a producer's results are known.
const maxResults = 1024

interface ProducerKey {
  readonly topic: string
  readonly id: string
}

interface Producer {
  readonly epoch: number
  readonly latest: number
  readonly usedAt: number
}

/**
 * @returns the `seq` that a repeat had the first time; undefined for a new batch.
 * @throws {@link ProducerSequenceError}
 */
export function findRepeat(
  transaction: Transaction,
  topic: string,
  producer: ProducerSequence,
): number | undefined {
  const known = knownProducer(transaction, topic, producer.id)
  const isNew = known === undefined || producer.epoch > known.epoch
  const expected = isNew ? { epoch: producer.epoch, seq: 0 } : { epoch: known.epoch, seq: known.latest + 1 }
  if (producer.epoch < expected.epoch) throw new ProducerSequenceError('stale-producer', producer, expected)
  if (producer.seq > expected.seq) throw new ProducerSequenceError('sequence-gap', producer, expected)
  if (known === undefined || producer.seq === expected.seq) return undefined
  return (
    resultOf(transaction, topic, producer.id, producer.seq) ??
    resultOf(transaction, topic, producer.id, known.latest)
  )
}

/** What {@link findRepeat} did not know has been stored. */
export function storeProducer(
  transaction: Transaction,
  topic: string,
  { id, epoch, seq: number }: ProducerSequence,
  seq: number,
): void {
  const { database, now, settings, state } = transaction
  const known = database.get(selectProducer, topic, id)
  if (known === undefined) state.producers += 1
  else if (known.epoch !== epoch) database.run(deleteAllBatches, topic, id)
  database.run(saveProducer, topic, id, epoch, number, now)
  database.run(insertBatch, topic, id, number, seq)
  if (number >= maxResults) database.run(deleteBatches, topic, id, number - maxResults)
  if (state.producers > settings.maxProducers) forgetOldest(transaction)
}

/** Forgets a producer that has published nothing for its time. @returns whether there was one. */
export function forgetSilentProducer(transaction: Transaction): boolean {
  const { database, now, settings, state } = transaction
  if (state.producers === 0) return false
  const oldest = database.get(oldestProducer)
  if (oldest === undefined || oldest.usedAt + settings.producerTtlMs > now) return false
  forgetOldest(transaction)
  return true
}

function knownProducer(transaction: Transaction, topic: string, id: string): Producer | undefined {
  const { database, now, settings, state } = transaction
  if (state.producers === 0) return undefined
  const known = database.get(selectProducer, topic, id)
  if (known === undefined || known.usedAt + settings.producerTtlMs > now) return known
  forget(transaction, topic, id)
  return undefined
}

function resultOf({ database }: Transaction, topic: string, id: string, number: number): number | undefined {
  return database.get(selectBatch, topic, id, number)?.seq
}

function forgetOldest(transaction: Transaction): void {
  const oldest = transaction.database.get(oldestProducer)
  if (oldest !== undefined) forget(transaction, oldest.topic, oldest.id)
}

function forget({ database, state }: Transaction, topic: string, id: string): void {
  database.run(deleteProducer, topic, id)
  database.run(deleteAllBatches, topic, id)
  state.producers -= 1
}
