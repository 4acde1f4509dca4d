import type { ByteSink } from '../byte-sink.ts'
import { EventFieldError } from '../errors/event-field-error.ts'
import { EventSizeError } from '../errors/event-size-error.ts'
import { HubClosedError } from '../errors/hub-closed-error.ts'
import { OptionError } from '../errors/option-error.ts'
import { checkEventType, serializeData } from '../event.ts'
import { eventStreamHeaders, eventStreamResponse } from '../event-stream-response.ts'
import { eventFrame, type Frame } from '../frame.ts'
import type { CloseReason } from '../frame-queue.ts'
import { parseLastEventId } from '../last-event-id.ts'
import { formatEventId, type Position } from '../log/event-id.ts'
import type { EventLog, LogEntry, LoggedEvent, TopicState, TopicStatus } from '../log/event-log.ts'
import { memoryLog } from '../log/memory-log.ts'
import { choiceOption, durationOption, functionOption, limitOption } from '../options.ts'
import type { Runtime } from '../runtime.ts'
import { connectionSettings, type ConnectionSettings } from '../stream-options.ts'
import { validateEvent } from '../typed-events.ts'
import { accessTo, ForbiddenIdentities, type Access, type Authorize } from './access.ts'
import { dismiss, drain } from './drain.ts'
import type {
  DisconnectOptions,
  EndOptions,
  HubCloseOptions,
  HubConnection,
  HubEvent,
  HubOptions,
  PublishArguments,
  PublishOptions,
  RunOptions,
  SubscribeOptions,
  TopicSchemas,
} from './hub-options.ts'
import { HubCounters, type HubStats, type RefusalStatus } from './hub-stats.ts'
import { produce, type Producer, type RunOutcome } from './producer.ts'
import { startAt, type Start } from './start.ts'
import { Subscription } from './subscription.ts'
import { TopicIndex } from './topic-index.ts'
import { checkTopic, matchesTopic, parseTopicPattern, type TopicPattern } from './topic-pattern.ts'

/** See {@link Hub.inspect}. */
export interface HubInspection {
  /** The newest id that this hub has heard of. */
  readonly head: string
  readonly status: 'open' | 'closing' | 'closed'
  readonly stats: HubStats
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
      readonly finished: Promise<RunOutcome>
    }
  | {
      readonly started: false
      /** Why not: somebody runs it, it has ended, or its time is over. */
      readonly state: Exclude<TopicState, 'open'>
    }

/** Fans events out, by topic, to many connections that resume where they left off. */
export interface Hub<Schemas extends TopicSchemas = TopicSchemas> {
  /**
   * Stores an event, then sends it to all who subscribe to its topic.
   *
   * @returns its id, once it is stored.
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws {@link EventFieldError} `code: 'invalid-event'`, `'reserved-event'` or `'invalid-data'`
   * @throws {@link EventSizeError} `code: 'event-too-large'`
   * @throws {@link TopicEndedError} `code: 'topic-ended'`
   * @throws {@link HubClosedError} `code: 'hub-closed'`
   */
  publish(...args: PublishArguments<Schemas>): Promise<{ readonly id: string }>
  /**
   * Publishes several events, in their order. All are checked before the first is stored.
   *
   * @throws as {@link publish} does.
   */
  publishMany(events: readonly PublishArguments<Schemas>[]): Promise<readonly { readonly id: string }[]>
  /**
   * Answers a request with the events of some topics, from where it asks to go on (`Last-Event-ID`, or the query
   * parameter `lastEventId`), else from now on; a finite topic from its beginning.
   *
   * Other answers than a stream: what `authorize` gives; 403 for topics that it does not allow; 204 for a client that
   * must not come back, and for one that has read finite topics to their end; 410 for finite topics whose time is over;
   * 429 and 503, with `Retry-After`, at `maxConnectionsPerIdentity`, at `maxConnections`, and while the hub closes.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`
   * @throws {@link OptionError} `code: 'invalid-option'`
   */
  subscribe(request: Request, options: SubscribeOptions): Promise<Response>
  /**
   * Ends a topic for good. Who reads it gets what there is, then `stream.end`, and is closed.
   *
   * @returns false if it had ended before.
   * @throws {@link TopicError} `code: 'invalid-topic'`
   */
  end(topic: string, options?: EndOptions): Promise<boolean>
  /**
   * Runs a producer as a topic, once, whoever comes and goes, and ends the topic when the producer ends. A topic that was
   * ever run, by any process on the log, is not run again.
   *
   * @throws {@link TopicError} `code: 'invalid-topic'`
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
  run(topic: string, producer: Producer, options?: RunOptions): Promise<Run>
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
  connections(filter?: { readonly topic?: string; readonly identity?: string }): readonly HubConnection[]
  /**
   * Ends the connections that the predicate holds for, after what was sent to them.
   *
   * @returns how many.
   */
  disconnect(predicate: (connection: HubConnection) => boolean, options?: DisconnectOptions): number
  /** Lets an identity come back that `disconnect` has forbidden to. */
  allow(identity: string): void
  /**
   * Ends all connections, then what runs here, and lets go of what the hub holds. Subscriptions are answered 503 from the
   * start; events can be published until the connections have gone.
   */
  close(options?: HubCloseOptions): Promise<void>
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
export function createHub<Schemas extends TopicSchemas = TopicSchemas>(
  options: HubOptions<Schemas> = {},
): Hub<Schemas> {
  // Schemas narrow what may be published; at run time any hub takes any event, or checks it by `validate`.
  return new EventHub(options) as Hub<Schemas>
}

// What a client waits before it returns, where nothing else was said: as browsers do.
const usualRetryMs = 1000

class EventHub implements Hub {
  readonly #settings: ConnectionSettings
  readonly #runtime: Runtime
  readonly #log: EventLog
  readonly #ownsLog: boolean
  readonly #schemas: readonly (readonly [TopicPattern, TopicSchemas[string]])[]
  readonly #authorize: Authorize | undefined
  readonly #onJoin: HubOptions['onJoin']
  readonly #onLeave: HubOptions['onLeave']
  readonly #maxConnections: number
  readonly #maxConnectionsPerIdentity: number
  readonly #maxTopicsPerConnection: number
  readonly #maxTopicLength: number
  readonly #maxEventBytes: number
  readonly #maxConnectionAgeMs: number
  readonly #index = new TopicIndex<Subscription>()
  // With the timer of its greatest age.
  readonly #subscriptions = new Map<Subscription, unknown>()
  readonly #connectionsOf = new Map<string, number>()
  readonly #forbidden: ForbiddenIdentities
  readonly #producers = new Map<string, AbortController>()
  readonly #runs = new Set<Promise<RunOutcome>>()
  // Encoded once, for live and replay alike, for as long as the log holds the entry.
  readonly #frames = new WeakMap<LogEntry, Frame>()
  readonly #counters = new HubCounters()
  readonly #stopTail: () => void
  // The newest place in the log that this hub has heard of.
  #head: Position = { epoch: '', seq: 0 }
  #restarts = 0
  #closing: Promise<void> | null = null
  #closed = false
  #onAllGone: (() => void) | null = null

  constructor(options: HubOptions) {
    this.#settings = connectionSettings(options)
    this.#runtime = this.#settings.scheduler.runtime
    this.#authorize = functionOption('authorize', options.authorize)
    this.#onJoin = functionOption('onJoin', options.onJoin)
    this.#onLeave = functionOption('onLeave', options.onLeave)
    this.#maxConnections = limitOption('maxConnections', options.maxConnections, Number.POSITIVE_INFINITY)
    this.#maxConnectionsPerIdentity = limitOption(
      'maxConnectionsPerIdentity',
      options.maxConnectionsPerIdentity,
      Number.POSITIVE_INFINITY,
    )
    this.#maxTopicsPerConnection = limitOption('maxTopicsPerConnection', options.maxTopicsPerConnection, 64)
    this.#maxTopicLength = limitOption('maxTopicLength', options.maxTopicLength, 255)
    this.#maxEventBytes = limitOption('maxEventBytes', options.maxEventBytes, 1_048_576)
    this.#maxConnectionAgeMs = durationOption('maxConnectionAgeMs', options.maxConnectionAgeMs, 0)
    const validate = choiceOption('validate', options.validate, ['off', 'on-publish'])
    this.#schemas = Object.entries(validate === 'off' ? {} : (options.topics ?? {})).map(
      ([pattern, events]) => [parseTopicPattern(pattern, this.#maxTopicLength), events] as const,
    )
    this.#forbidden = new ForbiddenIdentities(this.#runtime)
    this.#log = options.log ?? memoryLog({ runtime: options.runtime })
    this.#ownsLog = options.log === undefined
    this.#stopTail = this.#log.tail({
      appended: (entry) => this.#appended(entry),
      cancelled: (topic) => this.#producers.get(topic)?.abort(),
      restarted: (head) => this.#restarted(head),
    })
  }

  async publish(...args: PublishArguments<TopicSchemas>): Promise<{ readonly id: string }> {
    return this.#append(this.#check(...args))
  }

  async publishMany(
    events: readonly PublishArguments<TopicSchemas>[],
  ): Promise<readonly { readonly id: string }[]> {
    return Promise.all(events.map((args) => this.#check(...args)).map((event) => this.#append(event)))
  }

  async subscribe(request: Request, options: SubscribeOptions): Promise<Response> {
    const patterns = this.#parseTopics(options.topics)
    const filter = functionOption('filter', options.filter)
    const headers = eventStreamHeaders(options.headers)
    if (this.#closing !== null) return this.#refuse(503)
    const authorization = (await this.#authorize?.(request)) ?? {}
    if (authorization instanceof Response) return authorization
    const granted = accessTo(patterns, authorization, this.#maxTopicLength)
    if (granted === undefined) return this.#refuse(403)
    const access = { ...granted, identity: options.identity ?? granted.identity }
    const refusal = this.#refusalOf(access)
    if (refusal !== undefined) return this.#refuse(refusal)

    const requested =
      options.lastEventId ?? parseLastEventId(request.headers.get('last-event-id'), request.url)
    const restarts = this.#restarts
    const head = await this.#log.head()
    const statuses = await this.#statusesOf(patterns)
    if (statuses?.every(({ state }) => state === 'expired')) return this.#refuse(410)
    const start = startAt(requested, head, statuses?.every(({ state }) => state !== 'open') === true)
    const unendedTopics = statuses === undefined ? undefined : unended(patterns, statuses, start)
    if (unendedTopics?.size === 0) return this.#refuse(204)

    return eventStreamResponse(
      (sink) => {
        const isStale = restarts !== this.#restarts && head.epoch !== this.#head.epoch
        const from = isStale ? startAt(formatEventId(start.position), this.#head, false) : start
        return this.#open(sink, { patterns, start: from, filter, access, unendedTopics }).queue
      },
      headers,
      request,
    )
  }

  async end(topic: string, options: EndOptions = {}): Promise<boolean> {
    checkTopic(topic, this.#maxTopicLength)
    return this.#end(topic, 'completed', ttlOf(options))
  }

  async run(topic: string, producer: Producer, options: RunOptions = {}): Promise<Run> {
    checkTopic(topic, this.#maxTopicLength)
    const ttlMs = ttlOf(options)
    if (this.#closing !== null) throw new HubClosedError()
    const state = await this.#log.claim(topic)
    if (state !== 'open') return { started: false, state }
    const finished = this.#produce(topic, producer, ttlMs, options.errorMessage)
    this.#runs.add(finished)
    void finished.then(() => this.#runs.delete(finished))
    return { started: true, finished }
  }

  async cancel(topic: string): Promise<boolean> {
    return (await this.#log.cancel(topic)) === 'running'
  }

  async topicState(topic: string): Promise<TopicState> {
    return (await this.#log.status(topic)).state
  }

  stats(): HubStats {
    let bufferedBytes = 0
    for (const { queue } of this.#subscriptions.keys()) bufferedBytes += queue.bufferedBytes
    return {
      connections: this.#subscriptions.size,
      topics: this.#index.size,
      running: this.#producers.size,
      bufferedBytes,
      ...this.#counters.snapshot(),
    }
  }

  inspect(): HubInspection {
    const topics: Record<string, number> = {}
    for (const { patterns } of this.#subscriptions.keys()) {
      for (const { text } of patterns) topics[text] = (topics[text] ?? 0) + 1
    }
    return {
      head: formatEventId(this.#head),
      status: this.#closed ? 'closed' : this.#closing === null ? 'open' : 'closing',
      stats: this.stats(),
      topics,
      running: [...this.#producers.keys()],
      connections: this.connections(),
    }
  }

  connections({
    topic,
    identity,
  }: { readonly topic?: string; readonly identity?: string } = {}): readonly HubConnection[] {
    return [...this.#subscriptions.keys()]
      .filter((each) => identity === undefined || each.identity === identity)
      .filter((each) => topic === undefined || each.patterns.some((pattern) => matchesTopic(pattern, topic)))
      .map((each) => this.#describe(each))
  }

  disconnect(predicate: (connection: HubConnection) => boolean, options: DisconnectOptions = {}): number {
    const reconnect = choiceOption('reconnect', options.reconnect, ['allow', 'forbid'])
    const forbidMs = durationOption('forbidMs', options.forbidMs, 600_000)
    let count = 0
    for (const subscription of this.#subscriptions.keys()) {
      const { identity } = subscription
      if (!predicate(this.#describe(subscription))) continue
      if (reconnect === 'forbid' && identity !== undefined) this.#forbidden.forbid(identity, forbidMs)
      if (subscription.queue.close('server')) count += 1
    }
    return count
  }

  allow(identity: string): void {
    this.#forbidden.allow(identity)
  }

  close(options: HubCloseOptions = {}): Promise<void> {
    const drainMs = durationOption('drainMs', options.drainMs, 0)
    const timeoutMs = durationOption('timeoutMs', options.timeoutMs, 5000)
    this.#closing ??= this.#close(drainMs, timeoutMs)
    return this.#closing
  }

  async #close(drainMs: number, timeoutMs: number): Promise<void> {
    await drain(this.#subscriptions.keys(), drainMs, this.#retryMs, this.#settings.scheduler)
    if (this.#subscriptions.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#runtime.setTimeout(() => {
          for (const { queue } of this.#subscriptions.keys()) queue.abort('drain')
        }, timeoutMs)
        this.#onAllGone = () => {
          this.#runtime.clearTimeout(timer)
          resolve()
        }
      })
    }
    for (const producer of this.#producers.values()) producer.abort()
    await Promise.all(this.#runs)
    this.#closed = true
    this.#stopTail()
    if (this.#ownsLog) await this.#log.close()
  }

  get #retryMs(): number {
    return this.#settings.retryMs ?? usualRetryMs
  }

  /** An event as it goes into the log. */
  #check(topic: string, event: HubEvent, options: PublishOptions = {}): LoggedEvent {
    if (this.#closed) throw new HubClosedError()
    checkTopic(topic, this.#maxTopicLength)
    if (event.event !== undefined) checkEventType(event.event)
    if (event.event?.startsWith('stream.') === true) {
      const fact = "Event types that begin with 'stream.' are the hub's own"
      throw new EventFieldError('reserved-event', 'event', event.event, fact)
    }
    const schemas = this.#schemas.find(([pattern]) => matchesTopic(pattern, topic))
    if (schemas !== undefined) validateEvent(schemas[1], { ...event, event: event.event ?? 'message' })
    const data = serializeData(event.data)
    this.#checkSize(data)
    return { topic, event: event.event, data, key: options.key }
  }

  async #append(event: LoggedEvent): Promise<{ readonly id: string }> {
    const startedAt = this.#runtime.now()
    const position = await this.#log.append(event)
    this.#counters.published += 1
    this.#counters.countLag(this.#runtime.now() - startedAt)
    return { id: formatEventId(position) }
  }

  #checkSize(data: string): void {
    // A code unit is three bytes at most: the data that is measured is rare.
    if (data.length * 3 <= this.#maxEventBytes) return
    const byteLength =
      data.length > this.#maxEventBytes ? data.length : new TextEncoder().encode(data).byteLength
    if (byteLength > this.#maxEventBytes) throw new EventSizeError(byteLength, this.#maxEventBytes)
  }

  async #produce(
    topic: string,
    producer: Producer,
    ttlMs: number,
    errorMessage: RunOptions['errorMessage'] = 'The producer failed',
  ): Promise<RunOutcome> {
    const { onError } = this.#settings
    const aborter = new AbortController()
    this.#producers.set(topic, aborter)
    let outcome: RunOutcome
    try {
      const publish = (event: HubEvent): Promise<unknown> => this.#append(this.#check(topic, event))
      outcome = await produce(producer, aborter.signal, publish, onError)
    } catch (error) {
      outcome = 'failed'
      onError(error)
      await this.#announceFailure(topic, error, errorMessage)
    }
    try {
      await this.#end(topic, outcome, ttlMs)
    } catch (error) {
      onError(error)
    }
    this.#producers.delete(topic)
    return outcome
  }

  async #announceFailure(
    topic: string,
    error: unknown,
    message: NonNullable<RunOptions['errorMessage']>,
  ): Promise<void> {
    try {
      const data = { topic, message: typeof message === 'function' ? message(error) : message }
      await this.#append({ topic, event: 'stream.error', data: JSON.stringify(data), key: undefined })
    } catch (cause) {
      this.#settings.onError(cause)
    }
  }

  async #end(topic: string, reason: RunOutcome, ttlMs: number): Promise<boolean> {
    const data = JSON.stringify({ topic, reason })
    const position = await this.#log.end({ topic, event: 'stream.end', data, key: undefined }, ttlMs)
    return position !== undefined
  }

  #parseTopics(topics: readonly string[]): readonly TopicPattern[] {
    const expected = `a list of 1 to ${this.#maxTopicsPerConnection} topics`
    if (!Array.isArray(topics) || topics.length === 0 || topics.length > this.#maxTopicsPerConnection) {
      throw new OptionError('topics', topics, expected)
    }
    return topics.map((topic: string) => parseTopicPattern(topic, this.#maxTopicLength))
  }

  #refusalOf({ identity, expiresAt }: Access): RefusalStatus | undefined {
    if (this.#forbidden.has(identity)) return 204
    if (expiresAt <= this.#runtime.wallClock()) return 403
    if (this.#subscriptions.size >= this.#maxConnections) return 503
    if (identity !== undefined && (this.#connectionsOf.get(identity) ?? 0) >= this.#maxConnectionsPerIdentity)
      return 429
    return undefined
  }

  #refuse(status: RefusalStatus): Response {
    this.#counters.refused[status] += 1
    // At a time of their own, so that those who were refused together do not return together.
    const retryAfter = String(1 + Math.floor(this.#runtime.random() * 3))
    const headers = status === 429 || status === 503 ? { 'retry-after': retryAfter } : undefined
    return new Response(null, { status, ...(headers !== undefined && { headers }) })
  }

  /** Where each topic stands; undefined if there are patterns among them, which never come to an end. */
  async #statusesOf(patterns: readonly TopicPattern[]): Promise<readonly TopicStatus[] | undefined> {
    if (patterns.some((pattern) => pattern.hasWildcard)) return undefined
    return Promise.all(patterns.map((pattern) => this.#log.status(pattern.text)))
  }

  #open(
    sink: ByteSink,
    wanted: {
      readonly patterns: readonly TopicPattern[]
      readonly start: Start
      readonly filter: SubscribeOptions['filter']
      readonly access: Access
      readonly unendedTopics: Set<string> | undefined
    },
  ): Subscription {
    const subscription = new Subscription(sink, {
      ...wanted,
      settings: this.#settings,
      log: this.#log,
      head: () => {
        const { head } = wanted.start
        return this.#head.epoch === head.epoch && this.#head.seq > head.seq ? this.#head : head
      },
      frameOf: (entry) => this.#frameOf(entry),
      opened: (opened) => this.#add(opened),
      closed: (closed, reason) => this.#remove(closed, reason),
      delivered: (frame, replayed) => {
        this.#counters.delivered += 1
        this.#counters.deliveredBytes += frame.bytes.byteLength
        if (replayed) this.#counters.replayed += 1
      },
      gapAnnounced: () => {
        this.#counters.gaps += 1
      },
    })
    // The hub may have begun to close between the answer's head and its body.
    if (this.#closing !== null) dismiss(subscription, 'drain', this.#retryMs, () => this.#runtime.random())
    return subscription
  }

  #add(subscription: Subscription): void {
    const { identity } = subscription
    this.#counters.opened += 1
    this.#subscriptions.set(subscription, this.#startAgeTimer(subscription))
    if (identity !== undefined)
      this.#connectionsOf.set(identity, (this.#connectionsOf.get(identity) ?? 0) + 1)
    for (const pattern of subscription.patterns) this.#index.add(pattern, subscription)
    this.#tell(() => this.#onJoin?.(this.#describe(subscription)))
  }

  #remove(subscription: Subscription, reason: CloseReason): void {
    const { identity } = subscription
    this.#counters.closed[reason] += 1
    this.#runtime.clearTimeout(this.#subscriptions.get(subscription))
    this.#subscriptions.delete(subscription)
    if (identity !== undefined) {
      const count = (this.#connectionsOf.get(identity) ?? 0) - 1
      if (count > 0) this.#connectionsOf.set(identity, count)
      else this.#connectionsOf.delete(identity)
    }
    for (const pattern of subscription.patterns) this.#index.delete(pattern, subscription)
    this.#tell(() => this.#onLeave?.(this.#describe(subscription), reason))
    if (this.#subscriptions.size === 0) this.#onAllGone?.()
  }

  #startAgeTimer(subscription: Subscription): unknown {
    if (this.#maxConnectionAgeMs === 0) return undefined
    return this.#runtime.setTimeout(
      () => dismiss(subscription, 'expired', this.#retryMs, () => this.#runtime.random()),
      this.#maxConnectionAgeMs * (0.9 + 0.2 * this.#runtime.random()),
    )
  }

  #tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#settings.onError(error)
    }
  }

  #appended(entry: LogEntry): void {
    this.#head = entry.position
    this.#index.forEach(entry.topic, (subscription) => subscription.deliver(entry))
  }

  #restarted(head: Position): void {
    this.#head = head
    this.#restarts += 1
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

  #describe(subscription: Subscription): HubConnection {
    return {
      identity: subscription.identity,
      topics: subscription.patterns.map((pattern) => pattern.text),
      position: formatEventId(subscription.position),
      ageMs: this.#runtime.now() - subscription.openedAt,
      bufferedBytes: subscription.queue.bufferedBytes,
    }
  }
}

function ttlOf({ ttlMs }: EndOptions): number {
  return durationOption('ttlMs', ttlMs, 600_000)
}

/** The topics whose end the reader has not had yet. */
function unended(
  patterns: readonly TopicPattern[],
  statuses: readonly TopicStatus[],
  start: Start,
): Set<string> {
  const isAhead = ({ state, endSeq = 0 }: TopicStatus): boolean =>
    state === 'open' || state === 'running' || (state === 'ended' && endSeq > start.position.seq)
  return new Set(
    patterns.filter((_, index) => isAhead(statuses[index] ?? { state: 'open' })).map(({ text }) => text),
  )
}
