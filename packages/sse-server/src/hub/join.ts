import { Connection } from '../connection/event-stream.ts'
import type { EventStream } from '../connection/event-stream.ts'
import { OptionError } from '../errors/option-error.ts'
import { TopicExpiredError } from '../errors/topic-expired-error.ts'
import { checkOptionNames } from '../option-names.ts'
import { functionOption } from '../options.ts'
import type { EndReason } from '../wire-contract/reserved-events.ts'
import { applyFilter } from './filter.ts'
import { joinOptionNames } from './hub-options.ts'
import type { HubReading, JoinOptions, ReadOptions } from './hub-options.ts'
import { worse } from './unended-topics.ts'

/** What joining needs of a hub. */
interface JoinedHub {
  read(topics: readonly string[], options: ReadOptions): AsyncGenerator<HubReading, undefined>
  readonly isClosing: () => boolean
  readonly onError: (error: unknown) => void
  readonly reportOnce: (what: string, error: Error) => void
}

/** What has become of the topics that a stream has joined. */
interface Ended {
  readonly topics: Set<string>
  reason: EndReason
}

/** Sends what a hub has of some topics into a stream that is open already, as fast as its client reads: see `Hub.join`. */
export async function join(hub: JoinedHub, stream: EventStream, options: JoinOptions): Promise<void> {
  checkOptionNames(options, joinOptionNames)
  const filter = functionOption('filter', options.filter)
  if (!(stream instanceof Connection))
    throw new OptionError('stream', stream, 'an open event stream, such as openEventStream returns')
  const { topics = [], patterns, after = stream.lastEventId } = options
  const readings = hub.read(topics, { patterns, after, signal: stream.signal })
  const ended: Ended = { topics: new Set(), reason: 'completed' }
  try {
    for await (const reading of readings) {
      await stream.ready()
      if (send(hub, stream, reading, filter, ended)) continue
      stream.breakOff('error')
      return
    }
    // A reading ends with its topics, or with its hub.
    if (hub.isClosing() && ended.topics.size < new Set(topics).size) stream.breakOff('drain')
    else stream.endTopics(topics.join(' '), ended.reason)
  } catch (error) {
    if (stream.signal.aborted) return
    if (error instanceof TopicExpiredError) stream.endTopics(topics.join(' '), 'expired')
    else {
      // Nothing more would come. The client comes again, and goes on where it was.
      hub.onError(error)
      stream.breakOff('error')
    }
  }
}

/** @returns false if the filter has failed, which is reported. */
function send(
  { onError, reportOnce }: JoinedHub,
  stream: Connection,
  reading: HubReading,
  filter: JoinOptions['filter'],
  ended: Ended,
): boolean {
  if (reading.type === 'event') {
    const { topic, event, data, id } = reading
    const passes =
      filter === undefined || applyFilter(filter, { topic, event, data, id }, { onError, reportOnce })
    if (passes === true) stream.send({ id, data, ...(event !== 'message' && { event }) }, { key: topic })
    return passes !== 'failed'
  }
  if (reading.type === 'gap') {
    const { type: _type, id, ...gap } = reading
    stream.announceGap(gap, id)
  } else if (reading.type === 'failure') stream.announceFailure(reading.topic, reading.message)
  else {
    ended.topics.add(reading.topic)
    ended.reason = worse(ended.reason, reading.reason)
  }
  return true
}
