import {
  heldBytesOf,
  ProducerSequenceError,
  TopicEndedError,
  TopicFullError,
  TopicNotClaimedError,
} from '@sse-toolkit/sse-server'
import type { Appended, AppendOptions, LoggedEvent, ProducerSequence } from '@sse-toolkit/sse-server'
import { encodeEvent } from '../wire.ts'

/** Events of one topic that are stored all or none. */
export interface AppendUnit {
  readonly topic: string
  readonly producer: ProducerSequence | undefined
  /** As the script takes it. */
  readonly args: readonly string[]
  /** What it counts for while it waits: its texts in UTF-8, and 64 for each event. */
  readonly bytes: number
  /** How long its arguments are. */
  readonly length: number
}

export function createUnit(
  events: readonly LoggedEvent[],
  producer: ProducerSequence | undefined,
  options: AppendOptions,
): AppendUnit {
  const topic = events[0]?.topic ?? ''
  const args = [headOf(topic, events.length, producer, options)]
  let [bytes, length] = [0, 0]
  for (const event of events) {
    const heldBytes = heldBytesOf(event)
    const line = encodeEvent(event)
    args.push(String(heldBytes), line)
    bytes += heldBytes + line.length - event.data.length
    length += line.length
  }
  return { topic, producer, args, bytes, length }
}

/** A single event has only its topic: that is the usual case, and the cheap one. */
function headOf(
  topic: string,
  count: number,
  producer: ProducerSequence | undefined,
  { onlyIfClaimed = false }: AppendOptions,
): string {
  if (producer !== undefined) {
    const { epoch, seq, id } = producer
    return `${topic} ${count} ${epoch} ${seq} ${JSON.stringify(id)}`
  }
  if (onlyIfClaimed) return `${topic} ${count} claimed`
  return count === 1 ? topic : `${topic} ${count}`
}

/**
 * What the script answered of the unit: see there.
 *
 * @throws `TopicEndedError`, `TopicNotClaimedError`, `TopicFullError` or `ProducerSequenceError`
 */
export function answerOf(
  { topic, producer }: AppendUnit,
  epoch: string,
  answer: string,
  limits: Readonly<Record<TopicFullError['option'], number>>,
): Appended {
  const [word = '', first = '', second = ''] = answer.split(' ')
  if (word === 'ended') throw new TopicEndedError(topic)
  if (word === 'unclaimed') throw new TopicNotClaimedError(topic)
  if (word === 'full') {
    const option = first as TopicFullError['option']
    throw new TopicFullError(topic, option, limits[option])
  }
  if (word === 'repeat') return { position: { epoch, seq: Number(first) }, stored: false }
  if (producer !== undefined && (word === 'stale' || word === 'gap')) {
    const code = word === 'stale' ? 'stale-producer' : 'sequence-gap'
    throw new ProducerSequenceError(code, producer, { epoch: Number(first), seq: Number(second) })
  }
  return { position: { epoch, seq: Number(word) }, stored: true }
}
