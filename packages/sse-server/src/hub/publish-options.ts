import type { EventOf } from '../format/typed-events.ts'
import type { ProducerSequence } from '../log/event-log.ts'
import type { TopicSchemas, TopicsOf } from './hub-options.ts'

/** The arguments of `publish`: with schemas, each topic takes its own events. */
export type PublishArguments<Schemas extends TopicSchemas> = string extends keyof Schemas
  ? [topic: string, event: HubEvent, options?: PublishOptions]
  : {
      [Pattern in keyof Schemas & string]: [
        topic: TopicsOf<Pattern>,
        event: Pick<EventOf<Schemas[Pattern]>, 'event' | 'data'>,
        options?: PublishOptions,
      ]
    }[keyof Schemas & string]

/** What is published. */
export interface HubEvent {
  /** A string is sent as it is, anything else as JSON. */
  readonly data: unknown
  /** The event type. Absent: `message`. Types that begin with `stream.` are the hub's own. */
  readonly event?: string | undefined
}

/** Options of {@link Hub.publish}. */
export interface PublishOptions {
  /** Under the policy `latest`, the event replaces a waiting event with the same key. @defaultValue the topic */
  readonly key?: string | undefined
  /**
   * Stores the event once, however often you publish it with this key on this topic: a repeat returns the first id and
   * `stored: false`. Short for a producer that publishes once, `{ id: 'idempotency-key:' + key, epoch: 0, seq: 0 }`.
   */
  readonly idempotencyKey?: string | undefined
  /**
   * The producer, and which of its events this is. The log then stores each event once and in order, however often and over
   * whatever route it arrives. It remembers each topic's producers for a time, by default the last 100 000 within a day.
   *
   * @see https://github.com/durable-streams/durable-streams/blob/main/PROTOCOL.md
   */
  readonly producer?: ProducerSequence | undefined
}

/** The outcome of publishing an event. */
export interface Published {
  /** The event's id; for a repeat, the id from the first time. */
  readonly id: string
  /** False for a repeat, which is not stored again. */
  readonly stored: boolean
}

/** The outcome of publishing a batch. */
export interface PublishedBatch {
  /** The events' ids, in order; for a repeat, those from the first time. */
  readonly ids: readonly string[]
  /** False for a repeat, of which nothing is stored again. */
  readonly stored: boolean
}

/** The events that a topic takes: with schemas, its own. */
export type BatchArguments<Schemas extends TopicSchemas> = string extends keyof Schemas
  ? [topic: string, events: readonly BatchEvent<HubEvent>[], options?: BatchOptions]
  : {
      [Pattern in keyof Schemas & string]: [
        topic: TopicsOf<Pattern>,
        events: readonly BatchEvent<Pick<EventOf<Schemas[Pattern]>, 'event' | 'data'>>[],
        options?: BatchOptions,
      ]
    }[keyof Schemas & string]

/** An event of a batch: what `publish` takes, and its own `key`. */
export type BatchEvent<Event> = Event & Pick<PublishOptions, 'key'>

/** Options of {@link Hub.publishBatch}: the batch counts as one event of its producer. */
export type BatchOptions = Omit<PublishOptions, 'key'>
