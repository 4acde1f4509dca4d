import { EventFieldError } from '../errors/event-field-error.ts'
import { EventSizeError } from '../errors/event-size-error.ts'
import { HubClosedError } from '../errors/hub-closed-error.ts'
import { OptionError } from '../errors/option-error.ts'
import { checkEventType, serializeData } from '../event.ts'
import { eventStreamHeaders, eventStreamResponse } from '../event-stream-response.ts'
import { eventFrame, type Frame } from '../frame.ts'
import type { CloseReason } from '../frame-queue.ts'
import type { HeaderFields } from '../headers.ts'
import { parseLastEventId } from '../last-event-id.ts'
import { formatEventId, parseEventId, type Position } from '../log/event-id.ts'
import type { EventLog, LogEntry } from '../log/event-log.ts'
import { memoryLog } from '../log/memory-log.ts'
import { functionOption, limitOption } from '../options.ts'
import { connectionSettings, type ConnectionOptions, type ConnectionSettings } from '../stream-options.ts'
import { Subscription, type HubEventView, type Start } from './subscription.ts'
import { TopicIndex } from './topic-index.ts'
import { checkTopic, parseTopicPattern } from './topic-pattern.ts'

/** Options of {@link createHub}. Those of a connection are for each that subscribes. */
export interface HubOptions extends ConnectionOptions {
  /** Where events are kept. @defaultValue `memoryLog()`, which the hub then closes with itself */
  readonly log?: EventLog | undefined
  /** Connections at once; one more is answered 503. @defaultValue no limit */
  readonly maxConnections?: number | undefined
  /** Topics and patterns of one subscription. @defaultValue 64 */
  readonly maxTopicsPerConnection?: number | undefined
  /** Length of a topic or pattern in UTF-16 code units. @defaultValue 255 */
  readonly maxTopicLength?: number | undefined
  /** Size of one event's data in bytes of UTF-8. @defaultValue 1 MiB */
  readonly maxEventBytes?: number | undefined
}

/** What is published. */
export interface HubEvent {
  /** A string is sent as it is, anything else as JSON. */
  readonly data: unknown
  /** The event type. Absent: `message`. Types that begin with `stream.` are the hub's own. */
  readonly event?: string | undefined
}

/** Options of {@link Hub.publish}. */
export interface PublishOptions {
  /** Under the policy `latest`: the event takes the place of a waiting one of the same key. @defaultValue the topic */
  readonly key?: string | undefined
}

/** Options of {@link Hub.subscribe}. */
export interface SubscribeOptions {
  /** Topics, and patterns of them: `orders.*` is one token in the place of `*`, `orders.>` one or more at the end. */
  readonly topics: readonly string[]
  /** Which event to go on after, or `earliest`. @defaultValue what the request says */
  readonly lastEventId?: string | undefined
  /** Which events this connection gets. Called for each, in replay too; it should be quick. */
  readonly filter?: ((event: HubEventView) => boolean) | undefined
  /** Who it is, as `connections()` and `disconnect` show it. */
  readonly identity?: string | undefined
  /** Header fields beside those of the event stream; they win over them. */
  readonly headers?: HeaderFields | undefined
}

/** One connection, as it is at the moment. */
export interface HubConnection {
  readonly identity: string | undefined
  readonly topics: readonly string[]
  /** The id of the last event that was sent to it. */
  readonly position: string
  readonly ageMs: number
  readonly bufferedBytes: number
}

/** Counts since the hub was created, but for `connections` and `bufferedBytes`, which are of the moment. */
export interface HubStats {
  readonly connections: number
  readonly bufferedBytes: number
  /** Events that this hub published. */
  readonly published: number
  /** Events sent to connections, those of replay included. */
  readonly delivered: number
  readonly deliveredBytes: number
  readonly replayed: number
  /** `stream.gap` announcements made on behalf of the log. */
  readonly gaps: number
  readonly opened: number
  readonly closed: Readonly<Record<CloseReason, number>>
}

/** Fans events out, by topic, to many connections that resume where they left off. */
export interface Hub {
  /**
   * Stores an event, then sends it to all who subscribe to its topic.
   *
   * @returns its id, once it is stored.
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws {@link EventFieldError} `code: 'invalid-event'`, `'reserved-event'`, `'invalid-data'` or `'missing-data'`
   * @throws {@link EventSizeError} `code: 'event-too-large'`
   * @throws {@link HubClosedError} `code: 'hub-closed'`
   */
  publish(topic: string, event: HubEvent, options?: PublishOptions): Promise<{ readonly id: string }>
  /**
   * Answers a request with the events of some topics, from where it asks to go on (`Last-Event-ID`, or the query
   * parameter `lastEventId`), else from now on.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws {@link OptionError} `code: 'invalid-option'`
   */
  subscribe(request: Request, options: SubscribeOptions): Promise<Response>
  stats(): HubStats
  connections(): readonly HubConnection[]
  /**
   * Ends the connections that the predicate holds for, after what was sent to them. Their clients reconnect.
   *
   * @returns how many.
   */
  disconnect(predicate: (connection: HubConnection) => boolean): number
  /** Ends all connections, and what the hub holds. Later subscriptions are answered 503. */
  close(): Promise<void>
}

/**
 * Creates a hub.
 *
 * @throws {@link OptionError} `code: 'invalid-option'`
 * @example
 * ```ts
 * import { createHub } from '@sse-toolkit/sse-server'
 *
 * const hub = createHub()
 * await hub.publish('orders.42', { event: 'paid', data: { total: 12 } })
 *
 * const request = new Request('http://localhost/events?lastEventId=earliest')
 * const response = await hub.subscribe(request, { topics: ['orders.*'] })
 * await hub.close()
 * ```
 */
export function createHub(options: HubOptions = {}): Hub {
  return new EventHub(options)
}

class EventHub implements Hub {
  readonly #settings: ConnectionSettings
  readonly #log: EventLog
  readonly #ownsLog: boolean
  readonly #maxConnections: number
  readonly #maxTopicsPerConnection: number
  readonly #maxTopicLength: number
  readonly #maxEventBytes: number
  readonly #index = new TopicIndex<Subscription>()
  readonly #subscriptions = new Map<Subscription, string | undefined>()
  readonly #stopTail: () => void
  // Encoded once, for live and replay alike, for as long as the log holds the entry.
  readonly #frames = new WeakMap<LogEntry, Frame>()
  readonly #closed: Record<CloseReason, number> = {
    client: 0,
    server: 0,
    'slow-consumer': 0,
    expired: 0,
    drain: 0,
    error: 0,
  }
  #tailSeq = 0
  #published = 0
  #delivered = 0
  #deliveredBytes = 0
  #replayed = 0
  #gaps = 0
  #opened = 0
  #closing: Promise<void> | null = null
  #allClosed: PromiseWithResolvers<void> | null = null

  constructor(options: HubOptions) {
    this.#settings = connectionSettings(options)
    this.#maxConnections = limitOption('maxConnections', options.maxConnections, Number.POSITIVE_INFINITY)
    this.#maxTopicsPerConnection = limitOption('maxTopicsPerConnection', options.maxTopicsPerConnection, 64)
    this.#maxTopicLength = limitOption('maxTopicLength', options.maxTopicLength, 255)
    this.#maxEventBytes = limitOption('maxEventBytes', options.maxEventBytes, 1_048_576)
    this.#log = options.log ?? memoryLog({ runtime: options.runtime })
    this.#ownsLog = options.log === undefined
    this.#stopTail = this.#log.tail({
      appended: (entry) => this.#appended(entry),
      restarted: (head) => this.#restarted(head),
    })
  }

  async publish(
    topic: string,
    event: HubEvent,
    options: PublishOptions = {},
  ): Promise<{ readonly id: string }> {
    if (this.#closing !== null) throw new HubClosedError()
    checkTopic(topic, this.#maxTopicLength)
    if (event.event !== undefined) checkEventType(event.event)
    if (event.event?.startsWith('stream.') === true) {
      throw new EventFieldError(
        'reserved-event',
        'event',
        event.event,
        "Event types that begin with 'stream.' are the hub's own",
      )
    }
    const data = serializeData(event.data)
    this.#checkSize(data)
    const position = await this.#log.append({ topic, event: event.event, data, key: options.key })
    this.#published += 1
    return { id: formatEventId(position) }
  }

  async subscribe(request: Request, options: SubscribeOptions): Promise<Response> {
    const { topics } = options
    if (!Array.isArray(topics) || topics.length === 0)
      throw new OptionError('topics', topics, 'a list of at least one topic')
    if (topics.length > this.#maxTopicsPerConnection) {
      throw new OptionError('topics', topics, `a list of at most ${this.#maxTopicsPerConnection} topics`)
    }
    const patterns = topics.map((topic: string) => parseTopicPattern(topic, this.#maxTopicLength))
    const filter = functionOption('filter', options.filter)
    const headers = eventStreamHeaders(options.headers)
    if (this.#closing !== null || this.#subscriptions.size >= this.#maxConnections) {
      return new Response(null, { status: 503, headers: { 'retry-after': '1' } })
    }
    const requested =
      options.lastEventId ?? parseLastEventId(request.headers.get('last-event-id'), request.url)
    const start = startAt(requested, await this.#log.head())
    return eventStreamResponse(
      (sink) => {
        const subscription = new Subscription(
          sink,
          {
            settings: this.#settings,
            log: this.#log,
            patterns,
            start,
            filter,
            frameOf: (entry) => this.#frameOf(entry),
            opened: (opened) => this.#add(opened, options.identity),
            closed: (closed, reason) => this.#remove(closed, reason),
            delivered: (frame, replayed) => this.#count(frame, replayed),
            gapAnnounced: () => {
              this.#gaps += 1
            },
          },
          this.#tailSeq,
        )
        // The hub may have begun to close, or filled up, between the answer's head and its body.
        if (this.#closing !== null) subscription.queue.close('drain')
        return subscription.listener
      },
      headers,
      request,
    )
  }

  stats(): HubStats {
    let bufferedBytes = 0
    for (const { queue } of this.#subscriptions.keys()) bufferedBytes += queue.bufferedBytes
    return {
      connections: this.#subscriptions.size,
      bufferedBytes,
      published: this.#published,
      delivered: this.#delivered,
      deliveredBytes: this.#deliveredBytes,
      replayed: this.#replayed,
      gaps: this.#gaps,
      opened: this.#opened,
      closed: { ...this.#closed },
    }
  }

  connections(): readonly HubConnection[] {
    return [...this.#subscriptions].map(([subscription, identity]) => this.#describe(subscription, identity))
  }

  disconnect(predicate: (connection: HubConnection) => boolean): number {
    let count = 0
    for (const [subscription, identity] of this.#subscriptions) {
      if (!predicate(this.#describe(subscription, identity))) continue
      if (subscription.queue.close('server')) count += 1
    }
    return count
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#allClosed = Promise.withResolvers()
    for (const subscription of this.#subscriptions.keys()) subscription.queue.close('drain')
    if (this.#subscriptions.size > 0) await this.#allClosed.promise
    this.#stopTail()
    if (this.#ownsLog) await this.#log.close()
  }

  #appended(entry: LogEntry): void {
    this.#tailSeq = entry.position.seq
    this.#index.forEach(entry.topic, (subscription) => subscription.deliver(entry))
  }

  #restarted(head: Position): void {
    this.#tailSeq = head.seq
    for (const subscription of this.#subscriptions.keys()) subscription.restart(head)
  }

  #frameOf(entry: LogEntry): Frame {
    let frame = this.#frames.get(entry)
    if (frame === undefined) {
      const id = formatEventId(entry.position)
      const event =
        entry.event === undefined ? { id, data: entry.data } : { id, event: entry.event, data: entry.data }
      frame = eventFrame(event, entry.key ?? entry.topic)
      this.#frames.set(entry, frame)
    }
    return frame
  }

  #checkSize(data: string): void {
    // A code unit is three bytes at most: the data that is measured is rare.
    if (data.length * 3 <= this.#maxEventBytes) return
    const byteLength =
      data.length > this.#maxEventBytes ? data.length : new TextEncoder().encode(data).byteLength
    if (byteLength > this.#maxEventBytes) throw new EventSizeError(byteLength, this.#maxEventBytes)
  }

  #add(subscription: Subscription, identity: string | undefined): void {
    this.#opened += 1
    this.#subscriptions.set(subscription, identity)
    for (const pattern of subscription.patterns) this.#index.add(pattern, subscription)
  }

  #remove(subscription: Subscription, reason: CloseReason): void {
    this.#closed[reason] += 1
    this.#subscriptions.delete(subscription)
    for (const pattern of subscription.patterns) this.#index.delete(pattern, subscription)
    if (this.#subscriptions.size === 0) this.#allClosed?.resolve()
  }

  #count(frame: Frame, replayed: boolean): void {
    this.#delivered += 1
    this.#deliveredBytes += frame.bytes.byteLength
    if (replayed) this.#replayed += 1
  }

  #describe(subscription: Subscription, identity: string | undefined): HubConnection {
    return {
      identity,
      topics: subscription.patterns.map((pattern) => pattern.text),
      position: formatEventId(subscription.position),
      ageMs: this.#settings.scheduler.runtime.now() - subscription.openedAt,
      bufferedBytes: subscription.queue.bufferedBytes,
    }
  }
}

/** Where a subscription begins that asks to go on after `requested`. */
function startAt(requested: string | undefined, head: Position): Start {
  if (requested === undefined) return { position: head, head }
  const beginning = { epoch: head.epoch, seq: 0 }
  if (requested === 'earliest') return { position: beginning, head, fromEarliest: true }
  const position = parseEventId(requested)
  // What is no id of ours is of another log, and so of another epoch.
  if (position?.epoch !== head.epoch)
    return { position: beginning, head, gap: { reason: 'epoch', requested } }
  if (position.seq > head.seq) return { position: head, head, gap: { reason: 'future', requested } }
  return { position, head }
}
