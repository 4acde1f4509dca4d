import { OptionError } from '../errors/option-error.ts'
import { maxBatchEvents } from './event-log.ts'
import type { LoggedEvent } from './event-log.ts'

/**
 * For logs: what every batch must be, see {@link EventLog.appendBatch}.
 *
 * @returns the topic of its events.
 * @throws {@link OptionError}
 */
export function checkBatch(events: readonly LoggedEvent[]): string {
  const topic = events[0]?.topic
  if (topic === undefined || events.length > maxBatchEvents)
    throw new OptionError('events', events.length, `1 to ${maxBatchEvents} events`)
  const other = events.find((event) => event.topic !== topic)
  if (other !== undefined) throw new OptionError('events', other.topic, `events of one topic, ${topic}`)
  return topic
}
