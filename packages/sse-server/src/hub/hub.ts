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
  /** The newest id that this hub has heard of; null before the first. */
  readonly head: string | null
  readonly status: 'open' | 'closing' | 'closed'
  readonly stats: HubStats
  /** What the log says of itself, `log.stats()`; null if it says nothing, or cannot now. */
  readonly log: object | null
  /** Topics and patterns, and how many connections subscribe to each. */
  readonly topics: Readonly<Record<string, number>>
  /** Topics whose producers run here. */
  readonly running: readonly string[]
  readonly connections: readonly HubConnection[]
}

/** What became of a call of {@link Hub.run}. */
export type Run =
  | {
      readonly started: true
      /** Resolves when the topic has ended. Never rejects. */
      readonly finished: Promise<EndReason>
    }
  | {
      readonly started: false
      /** Why not: somebody runs it, it has ended, or its time is over. */
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

/** Fans events out, by topic, to many connections that resume where they left off. */
export interface Hub<Schemas extends TopicSchemas = TopicSchemas> {
  /**
   * Stores an event, then sends it to all who subscribe to its topic. With `idempotencyKey` or `producer` it is stored once,
   * however often it is published.
   *
   * @returns its id, once it is stored.
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
   * Publishes several events, in their order. All are checked before the first is stored. For all or none of them, see
   * {@link publishBatch}.
   *
   * @throws as {@link publish} does.
   */
  publishMany(events: readonly PublishArguments<Schemas>[]): Promise<readonly Published[]>
  /**
   * Publishes several events of one topic, all or none: 1 to 256, with at most 1 MiB of data. No other event comes between
   * them. With `idempotencyKey` or `producer` the batch as a whole is stored once.
   *
   * @throws as {@link publish} does.
   */
  publishBatch(...args: BatchArguments<Schemas>): Promise<PublishedBatch>
  /**
   * Answers a request with the events of some topics, from where it asks to go on (`Last-Event-ID`, or the query
   * parameter `lastEventId`), else from now on; a finite topic from its beginning.
   *
   * It rejects for a mistake in the options only, and never for what a request can cause. Other answers than a stream:
   *
   * - what `authorize` returns, if it returns a Response; 500 if it throws, or returns what is not a grant
   * - 400, with the reason as text, for topics that there cannot be: no topic, a wildcard in `topics`, too long, too
   *   many
   * - 403 for topics that `authorize` does not grant
   * - 204 for a client that must not come back, and for one that has read finite topics to their end
   * - 410 for finite topics whose time is over
   * - 429 and 503, with `Retry-After`, at `maxConnectionsPerIdentity`, at `maxConnections`, and while the hub closes
   *
   * `onError` receives what led to 500, and the first time what led to 400.
   *
   * @throws {@link OptionError} `code: 'invalid-option'`
   */
  subscribe(request: Request, options: SubscribeOptions): Promise<Response>
  /**
   * Sends the events of some topics into a stream that the application has opened itself, and may send its own events into:
   * what the log holds after `after`, then what is appended, as fast as the client reads. Ids, gaps and the end are those of
   * `subscribe`; `authorize` is not asked, since there is no request. Name all topics at once: from the ids of two joins nobody
   * could resume.
   *
   * @returns resolves when the stream is closed, or its topics have all ended, by which it is closed.
   * @throws {@link OptionError} `code: 'invalid-option'`; {@link TopicError} `code: 'invalid-topic'`
   * @example
   * ```ts
   * import { createHub, respond } from '@sse-toolkit/sse-server'
   *
   * const hub = createHub()
   * const response = respond(async (stream) => {
   *   stream.send({ event: 'hello', data: 'who is here' })
   *   await hub.join(stream, { topics: ['news'] })
   * })
   * await response.body?.cancel()
   * await hub.close()
   * ```
   */
  join(stream: EventStream, options: JoinOptions): Promise<void>
  /**
   * Reads topics in the process itself, without a connection: what the log holds after `after`, then what is appended, until
   * the loop is left. Gaps and ends are values, not errors. The iteration ends by itself when all its topics have ended,
   * and when the hub is closed. A slow reader holds one page of the log at most.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`, at the call.
   * @throws {@link TopicExpiredError} `code: 'topic-expired'`, from the loop, if the time of all its topics is over.
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
   * The id of the newest event of the log, or of a topic: a page that is rendered now embeds it, and subscribes with it as
   * `lastEventId`, so that nothing is missing between the two. If there is no event yet, it is the position before the first.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws what the log throws.
   */
  position(topic?: string): Promise<string>
  /**
   * Ends a topic for good. Its readers get what there is, then `stream.end`, and is closed.
   *
   * @returns false if it had ended before.
   * @throws {@link TopicError} `code: 'invalid-topic'`
   */
  end(topic: string, options?: EndOptions): Promise<boolean>
  /**
   * Runs a producer as a topic, once, whoever comes and goes, and ends the topic when the producer ends. A topic that was
   * ever run, by any process on the log, is not run again, until 100 000 others have expired after it.
   *
   * A producer that fails, or gives what is no sequence, has run: its topic ends, as `failed`.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws {@link OptionError} `code: 'invalid-option'` if the producer is none, or an option has no meaning.
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
   * Stops what runs a topic, in whichever process, and so ends the topic.
   *
   * @returns whether there was something to stop.
   */
  cancel(topic: string): Promise<boolean>
  /** Where a topic stands; `open` for one that was never run nor ended. */
  topicState(topic: string): Promise<TopicState>
  stats(): HubStats
  /** All that can be seen from outside, as JSON can carry it: for an admin page, `Response.json(hub.inspect())`. */
  inspect(): HubInspection
  /** @param filter - only those that would get events of `topic`, or are of `identity`. */
  connections(filter?: ConnectionFilter & { readonly everywhere?: false }): readonly HubConnection[]
  /**
   * The connections of all processes on the log. Those of others are as their process last said, which it does every
   * `presenceIntervalMs`; a process that died is left out after three of them.
   *
   * @throws what the log throws.
   */
  connections(filter: ConnectionFilter & { readonly everywhere: true }): Promise<readonly PresentConnection[]>
  /**
   * Ends the connections of this process for which the predicate returns `true`, after what was sent to them; with
   * `reconnect: 'forbid'` without what still waits for them.
   *
   * @returns how many.
   * @throws {@link OptionError} `code: 'invalid-option'` if the predicate returns anything but true or false; no
   *   connection has been ended then.
   */
  disconnect(predicate: (connection: HubConnection) => boolean, options?: DisconnectOptions): number
  /**
   * Ends connections in every process on the log: those that are open now and that the filter means. Those of this process
   * end at once, the others as soon as their process learns of it, within a minute.
   *
   * @returns how many ended here, once every process can learn of it.
   * @throws {@link OptionError} `code: 'invalid-option'`
   * @throws what the log throws. The connections of this process have ended all the same.
   */
  disconnect(filter: ConnectionFilter, options?: DisconnectOptions): Promise<number>
  /**
   * Keeps an identity out, in every process on the log, wherever its client is now: connected, on its way, or waiting to
   * come back. Its connections end without what still waits for them; its requests are answered 204, after which no
   * EventSource tries again.
   *
   * It holds for `forbidMs`, also for processes that start meanwhile, and for the 10 000 identities that were forbidden last.
   * A log that loses its memory gets it again from the processes that live. To keep an identity out for good, refuse it in
   * `authorize`.
   *
   * @returns how many connections ended here, once every process can learn of it.
   * @throws {@link OptionError} `code: 'invalid-option'`
   * @throws what the log throws. In this process it holds all the same.
   */
  forbid(identity: string, options?: ForbidOptions): Promise<number>
  /**
   * Lets an identity come back that `forbid` or `disconnect` has forbidden to, in every process on the log.
   *
   * @throws what the log throws. In this process it holds all the same.
   */
  allow(identity: string): Promise<void>
  /**
   * Whether an identity is kept out, by what any process on the log has said: for requests of other kinds than `subscribe`. The
   * handler of `createPublishHandler` asks it.
   *
   * @throws what the log throws, as long as the bans that it keeps are not known.
   */
  isForbidden(identity: string): Promise<boolean>
  /**
   * Ends all connections, then what runs here, and lets go of what the hub holds. Subscriptions are answered 503 from the
   * start; events can be published until the connections have gone.
   */
  close(options?: HubCloseOptions): Promise<void>
}
