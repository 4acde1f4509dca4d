import { Connection } from '../connection/event-stream.ts'
import type { EventStream } from '../connection/event-stream.ts'
import { OptionError } from '../errors/option-error.ts'
import { TopicExpiredError } from '../errors/topic-expired-error.ts'
import { checkOptionNames } from '../option-names.ts'
import { functionOption } from '../options.ts'
import type { EndReason } from '../wire-contract/reserved-events.ts'
import { joinOptionNames } from './hub-options.ts'
import type { HubReading, JoinOptions, ReadOptions } from './hub-options.ts'
import { worse } from './unended-topics.ts'

/** What joining needs of a hub. */
interface JoinedHub {
  read(topics: readonly string[], options: ReadOptions): AsyncGenerator<HubReading, undefined>
  readonly isClosing: () => boolean
  readonly onError: (error: unknown) => void
}

/** Sends what a hub has of some topics into a stream that is open already, as fast as its client reads: see `Hub.join`. */
export async function join(hub: JoinedHub, stream: EventStream, options: JoinOptions): Promise<void> {
  checkOptionNames(options, joinOptionNames)
  const filter = functionOption('filter', options.filter)
  if (!(stream instanceof Connection))
    throw new OptionError('stream', stream, 'an open event stream, such as openEventStream returns')
  const { topics = [], patterns, after = stream.lastEventId } = options
  const readings = hub.read(topics, { patterns, after, signal: stream.signal })
  try {
    const reason = await sendAll(readings, stream, filter)
    if (hub.isClosing()) stream.breakOff('drain')
    else stream.endTopics(topics.join(' '), reason)
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

/** @returns how the topics have ended, if they have. */
async function sendAll(
  readings: AsyncGenerator<HubReading, undefined>,
  stream: Connection,
  filter: JoinOptions['filter'],
): Promise<EndReason> {
  let worst: EndReason = 'completed'
  for await (const reading of readings) {
    await stream.ready()
    switch (reading.type) {
      case 'event':
        send(stream, reading, filter)
        break
      case 'gap': {
        const { type: _type, id, ...gap } = reading
        stream.announceGap(gap, id)
        break
      }
      case 'failure':
        stream.announceFailure(reading.topic, reading.message)
        break
      case 'end':
        worst = worse(worst, reading.reason)
        break
    }
  }
  return worst
}

function send(
  stream: Connection,
  { topic, event, data, id }: HubReading & { readonly type: 'event' },
  filter: JoinOptions['filter'],
): void {
  const passes: unknown = filter === undefined || filter({ topic, event, data, id })
  if (typeof passes !== 'boolean')
    throw new OptionError('filter', passes, 'a function that returns true or false')
  if (passes) stream.send({ id, data, ...(event !== 'message' && { event }) }, { key: topic })
}
