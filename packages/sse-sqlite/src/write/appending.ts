import {
  checkBatch,
  heldBytesOf,
  TopicEndedError,
  TopicFullError,
  TopicNotClaimedError,
} from '@sse-toolkit/sse-server'
import type {
  Appended,
  AppendOptions,
  LoggedEvent,
  Position,
  ProducerSequence,
} from '@sse-toolkit/sse-server'
import { makeRoom } from './finite-topics.ts'
import { findRepeat, storeProducer } from './producers.ts'
import type { FiniteRecord, Transaction } from './transaction.ts'

/** @throws TopicEndedError, TopicNotClaimedError, TopicFullError */
export function append(
  transaction: Transaction,
  event: LoggedEvent,
  { onlyIfClaimed = false }: AppendOptions = {},
): Position {
  const { topic } = event
  const record = transaction.recordOf(topic)
  if (onlyIfClaimed && !hasEnded(record) && record?.owner !== transaction.owner)
    throw new TopicNotClaimedError(topic)
  admit(transaction, topic, record, [event])
  return transaction.store(event).position
}

/** @throws TopicEndedError, TopicFullError, ProducerSequenceError */
export function appendBatch(
  transaction: Transaction,
  events: readonly LoggedEvent[],
  producer: ProducerSequence | undefined,
): Appended {
  const topic = checkBatch(events)
  const { epoch } = transaction.state
  // Before all else: what was stored once is not refused when it is repeated.
  const first = producer && findRepeat(transaction, topic, producer)
  if (first !== undefined) return { position: { epoch, seq: first }, stored: false }
  admit(transaction, topic, transaction.recordOf(topic), events)
  for (const event of events) transaction.store(event)
  const position = { epoch, seq: transaction.state.seq }
  if (producer !== undefined) storeProducer(transaction, topic, producer, position.seq)
  return { position, stored: true }
}

/** Counts what a running topic will hold. @throws TopicEndedError, TopicFullError */
function admit(
  transaction: Transaction,
  topic: string,
  record: FiniteRecord | undefined,
  events: readonly LoggedEvent[],
): void {
  if (record === undefined) return
  if (hasEnded(record)) throw new TopicEndedError(topic)
  const bytes = events.reduce((sum, event) => sum + heldBytesOf(event), 0)
  const exceeded = limitExceededBy(transaction, record, bytes)
  if (exceeded !== undefined) throw new TopicFullError(topic, exceeded, transaction.settings[exceeded])
  transaction.countHeld(record, bytes)
}

function hasEnded(record: FiniteRecord | undefined): boolean {
  return record !== undefined && record.state !== 'running'
}

function limitExceededBy(
  transaction: Transaction,
  record: FiniteRecord,
  bytes: number,
): TopicFullError['option'] | undefined {
  if (record.bytes + bytes > transaction.settings.maxHeldBytesPerTopic) return 'maxHeldBytesPerTopic'
  return makeRoom(transaction, bytes) ? undefined : 'maxHeldBytes'
}
