import type { EventStream } from '../connection/event-stream.ts'
import type { EventOf } from '../format/typed-events.ts'
import type { TopicState } from '../log/event-log.ts'
import type {
  ConnectionFilter,
  DisconnectOptions,
  EndOptions,
  ForbidOptions,
  HubCloseOptions,
  HubConnection,
  HubReading,
  JoinOptions,
  PresentConnection,
  ReadOptions,
  RunOptions,
  SubscribeOptions,
  TopicSchemas,
  TopicsOf,
} from './hub-options.ts'
import type { BatchArguments, PublishArguments, Published, PublishedBatch } from './publish-options.ts'
import type { HubStats } from './hub-stats.ts'
import type { EndReason } from '../wire-contract/reserved-events.ts'
import type { Producer } from './producer.ts'

/** See {@link Hub.inspect}. */
export interface HubInspection {
  /** The newest id that this hub has received from the log; null before the first event. */
  readonly head: string | null
  readonly status: 'open' | 'closing' | 'closed'
  readonly stats: HubStats
  /** The log's own figures, `log.stats()`; null if the log has none, or cannot give them now. */
  readonly log: object | null
  /** Topics and patterns, and how many connections subscribe to each. */
  readonly topics: Readonly<Record<string, number>>
  /** Topics whose producers run in this process. */
  readonly running: readonly string[]
  readonly connections: readonly HubConnection[]
}

/** The outcome of {@link Hub.run}. */
export type Run =
  | {
      readonly started: true
      /** Resolves when the topic has ended. Never rejects. */
      readonly finished: Promise<EndReason>
    }
  | {
      readonly started: false
      /** Why not: the topic is running already, has ended, or has expired. */
      readonly state: Exclude<TopicState, 'open'>
    }

/** The arguments of `run`: with schemas, each topic takes its own events. */
export type RunArguments<Schemas extends TopicSchemas> = string extends keyof Schemas
  ? [topic: string, producer: Producer, options?: RunOptions]
  : {
      [Pattern in keyof Schemas & string]: [
        topic: TopicsOf<Pattern>,
        producer: Producer<Pick<EventOf<Schemas[Pattern]>, 'event' | 'data'>>,
        options?: RunOptions,
      ]
    }[keyof Schemas & string]

/** Sends the events of topics to many connections, which resume where they left off. */
export interface Hub<Schemas extends TopicSchemas = TopicSchemas> {
  /**
   * Stores an event, then sends it to all subscribers of its topic. With `idempotencyKey` or `producer` the hub stores the event
   * once, however often you publish it.
   *
   * @returns the event's id, once the event is stored.
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws {@link EventFieldError} `code: 'invalid-event'`, `'reserved-event'` or `'invalid-data'`
   * @throws {@link EventSizeError} `code: 'event-too-large'`
   * @throws {@link TopicEndedError} `code: 'topic-ended'`
   * @throws {@link TopicFullError} `code: 'topic-full'`
   * @throws {@link ProducerSequenceError} `code: 'stale-producer'` or `'sequence-gap'`
   * @throws {@link OptionError} `code: 'invalid-option'`
   * @throws {@link HubClosedError} `code: 'hub-closed'`
   * @example
   * ```ts
   * import { createHub } from '@sse-toolkit/sse-server'
   *
   * const hub = createHub()
   * const event = { event: 'paid', data: { total: 12 } }
   * const first = await hub.publish('orders.42', event, { idempotencyKey: 'payment-7' })
   * const repeat = await hub.publish('orders.42', event, { idempotencyKey: 'payment-7' })
   * console.log(repeat.id === first.id, repeat.stored) // true false
   * await hub.close()
   * ```
   */
  publish(...args: PublishArguments<Schemas>): Promise<Published>
  /**
   * Publishes several events, in order. The hub checks all of them before it stores the first. To store all or none, use
   * {@link publishBatch}.
   *
   * @throws as {@link publish} does.
   */
  publishMany(events: readonly PublishArguments<Schemas>[]): Promise<readonly Published[]>
  /**
   * Publishes several events of one topic, all or none: 1 to 256, with at most 1 MiB of data. No other event comes between
   * them. With `idempotencyKey` or `producer` the hub stores the batch as a whole once.
   *
   * @throws as {@link publish} does.
   */
  publishBatch(...args: BatchArguments<Schemas>): Promise<PublishedBatch>
  /**
   * Answers a request with the events of some topics. The stream continues after the id that the request names (`Last-Event-ID`,
   * or the query parameter `lastEventId`); without one it begins now, and with a finite topic at the topic's beginning.
   *
   * The promise rejects only if the options are wrong, never because of a request. Answers other than a stream:
   *
   * - what `authorize` returns, if it returns a Response; 500 if it throws, or returns something that is not a grant
   * - 400, with the reason as text, for topics that are not valid: no topic, a wildcard in `topics`, a name that is too long,
   *   too many topics
   * - 403 for topics that `authorize` does not grant
   * - 204 for a client that is forbidden, and for one that has read its finite topics to their ends
   * - 410 for finite topics that have expired
   * - 429 and 503, with `Retry-After`, at `maxConnectionsPerIdentity`, at `maxConnections`, and while the hub closes
   *
   * `onError` receives the cause of each 500, and of the first 400.
   *
   * @throws {@link OptionError} `code: 'invalid-option'`
   */
  subscribe(request: Request, options: SubscribeOptions): Promise<Response>
  /**
   * Sends the events of some topics into a stream that your application opened, and may send its own events into: first what
   * the log holds after `after`, then new events, as fast as the client reads. Ids, gaps and the end are those of `subscribe`.
   * The hub does not call `authorize`, since there is no request. Name all topics in one call: a client cannot resume from the
   * ids of two joins.
   *
   * @returns resolves when the stream is closed; the hub closes it when all of its topics have ended.
   * @throws {@link OptionError} `code: 'invalid-option'`; {@link TopicError} `code: 'invalid-topic'`
   * @example
   * ```ts
   * import { createHub, respond } from '@sse-toolkit/sse-server'
   *
   * const hub = createHub()
   * const response = respond(async (stream) => {
   *   stream.send({ event: 'hello', data: 'welcome' })
   *   await hub.join(stream, { topics: ['news'] })
   * })
   * await response.body?.cancel()
   * await hub.close()
   * ```
   */
  join(stream: EventStream, options: JoinOptions): Promise<void>
  /**
   * Reads topics in the process itself, without a connection: first what the log holds after `after`, then new events, until
   * you leave the loop. Gaps and ends are values, not errors. The iteration ends by itself when all of its topics have ended,
   * and when the hub closes. A slow reader holds at most one page of the log in memory.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`, at the call.
   * @throws {@link TopicExpiredError} `code: 'topic-expired'`, from the loop, if all of its topics have expired.
   * @throws what the log throws, and the reason of `signal`, from the loop.
   * @example
   * ```ts
   * import { createHub } from '@sse-toolkit/sse-server'
   *
   * const hub = createHub()
   * await hub.publish('orders.42', { event: 'paid', data: { total: 12 } })
   * for await (const reading of hub.read(['orders.42'], { after: 'earliest' })) {
   *   if (reading.type === 'event') console.log(reading.event, reading.data) // paid {"total":12}
   *   break
   * }
   * await hub.close()
   * ```
   */
  read(topics: readonly string[], options?: ReadOptions): AsyncGenerator<HubReading, undefined>
  /**
   * The id of the newest event of the log, or of a topic. Embed it in a page that you render now, and subscribe with it as
   * `lastEventId`: no event is missing in between. Before the first event it is the position before that event.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws what the log throws.
   */
  position(topic?: string): Promise<string>
  /**
   * Ends a topic for good. Its readers get the remaining events, then `stream.end`, and the hub closes their streams.
   *
   * @returns false if the topic had ended before.
   * @throws {@link TopicError} `code: 'invalid-topic'`
   */
  end(topic: string, options?: EndOptions): Promise<boolean>
  /**
   * Runs a producer as a topic, once, however many readers come and go, and ends the topic when the producer ends. A topic that
   * any process on the log has run is not run again, until 100 000 others have expired after it.
   *
   * If the producer throws, or gives something that is not a sequence, the topic ends as `failed`.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws {@link OptionError} `code: 'invalid-option'` if the producer is not one, or an option is invalid.
   * @throws {@link HubClosedError} `code: 'hub-closed'`
   * @example
   * ```ts
   * import { createHub } from '@sse-toolkit/sse-server'
   *
   * const hub = createHub()
   * const run = await hub.run('answers.7', async function* () {
   *   for (const word of ['It', ' depends', '.']) yield { data: word }
   * })
   * if (run.started) console.log(await run.finished) // completed
   *
   * const response = await hub.subscribe(new Request('http://localhost/'), { topics: ['answers.7'] })
   * console.log(await response.text()) // the words, then `stream.end`
   * await hub.close()
   * ```
   */
  run(...args: RunArguments<Schemas>): Promise<Run>
  /**
   * Stops the producer of a topic, in any process, and so ends the topic.
   *
   * @returns whether the topic was running.
   */
  cancel(topic: string): Promise<boolean>
  /** The state of a topic: `open` if it was never run or ended. */
  topicState(topic: string): Promise<TopicState>
  stats(): HubStats
  /** The state of the hub as plain JSON, for an admin page: `Response.json(hub.inspect())`. */
  inspect(): HubInspection
  /** @param filter - only the connections that would get events of `topic`, or that belong to `identity`. */
  connections(filter?: ConnectionFilter & { readonly everywhere?: false }): readonly HubConnection[]
  /**
   * The connections of all processes on the log. Each process reports its own every `presenceIntervalMs`, so those of other
   * processes are as old as that. A process that died is left out after three intervals.
   *
   * @throws what the log throws.
   */
  connections(filter: ConnectionFilter & { readonly everywhere: true }): Promise<readonly PresentConnection[]>
  /**
   * Ends the connections of this process for which the predicate returns `true`, after what was already sent to them. With
   * `reconnect: 'forbid'`, events that still wait for them are dropped.
   *
   * @returns how many connections it ended.
   * @throws {@link OptionError} `code: 'invalid-option'` if the predicate returns anything but true or false. No
   *   connection is ended then.
   */
  disconnect(predicate: (connection: HubConnection) => boolean, options?: DisconnectOptions): number
  /**
   * Ends connections in every process on the log: those that are open now and match the filter. Those of this process end at
   * once. The others end as soon as their process is notified, at the latest within a minute.
   *
   * @returns how many ended in this process, once the log has the order for the others.
   * @throws {@link OptionError} `code: 'invalid-option'`
   * @throws what the log throws. The connections of this process have ended nevertheless.
   */
  disconnect(filter: ConnectionFilter, options?: DisconnectOptions): Promise<number>
  /**
   * Keeps an identity out, in every process on the log, whether its client is connected, connecting, or waiting to reconnect.
   * Its connections end, without the events that still wait for them. Its requests are answered 204, after which an
   * EventSource does not try again.
   *
   * A ban lasts for `forbidMs`, also in processes that start later. The log keeps the last 10 000 bans, and gets them again from
   * the running processes if it loses its memory. To keep an identity out for good, refuse it in `authorize`.
   *
   * @returns how many connections ended in this process, once the log has the ban for the others.
   * @throws {@link OptionError} `code: 'invalid-option'`
   * @throws what the log throws. In this process the ban holds nevertheless.
   */
  forbid(identity: string, options?: ForbidOptions): Promise<number>
  /**
   * Lifts a ban of `forbid` or `disconnect`, in every process on the log.
   *
   * @throws what the log throws. In this process the ban is lifted nevertheless.
   */
  allow(identity: string): Promise<void>
  /**
   * Whether any process on the log has forbidden an identity. Use it for your other requests; `subscribe` and the handler of
   * `createPublishHandler` ask by themselves.
   *
   * @throws what the log throws, until the hub has read the bans that the log keeps.
   */
  isForbidden(identity: string): Promise<boolean>
  /**
   * Ends all connections, then the runs of this process, and releases everything that the hub holds. From the start of the
   * call, requests to subscribe are answered 503. You can publish until the connections are gone.
   */
  close(options?: HubCloseOptions): Promise<void>
}
