import type { ByteSink } from '../connection/byte-sink.ts'
import { callListener } from '../callbacks.ts'
import { HubClosedError } from '../errors/hub-closed-error.ts'
import { OptionError } from '../errors/option-error.ts'
import { TopicError } from '../errors/topic-error.ts'
import { eventStreamHeaders, eventStreamResponse } from '../respond/event-stream-response.ts'
import { eventFrame, type Frame } from '../connection/frame.ts'
import type { CloseReason } from '../connection/frame-queue.ts'
import { requestedEventId } from '../wire-contract/requested-event-id.ts'
import { formatEventId, type Position } from '../wire-contract/event-id.ts'
import type { EventLog, LogEntry, LoggedEvent, TopicState, TopicStatus } from '../log/event-log.ts'
import { memoryLog } from '../log/memory-log.ts'
import {
  checkRequest,
  choiceOption,
  durationOption,
  functionOption,
  limitOption,
  maxTimerMs,
  stringOption,
} from '../options.ts'
import type { Runtime } from '../runtime.ts'
import { checkSource } from '../respond/source.ts'
import { connectionSettings, type ConnectionSettings } from '../connection/stream-options.ts'
import {
  ForbiddenIdentities,
  fullAccess,
  grants,
  parseAuthorization,
  type Access,
  type Authorize,
} from './access.ts'
import { dismiss, drain } from './drain.ts'
import type { Hub, HubInspection, Run } from './hub.ts'
import type {
  DisconnectOptions,
  EndOptions,
  ForbidOptions,
  HubCloseOptions,
  HubConnection,
  HubOptions,
  PublishArguments,
  RunOptions,
  SubscribeOptions,
  TopicSchemas,
} from './hub-options.ts'
import { HubCounters, type HubStats, type RefusalStatus } from './hub-stats.ts'
import type { Producer } from './producer.ts'
import { PublicationRules } from './publication-rules.ts'
import { Runs, ttlOf } from './finite-topics.ts'
import { startAt, type Start } from './start.ts'
import { Subscription, type SubscriptionHost, type SubscriptionTerms } from './subscription.ts'
import { TopicIndex } from '../topics/topic-index.ts'
import {
  isPatternOnly,
  matchesTopic,
  parseTopic,
  parseTopicPattern,
  type TopicPattern,
} from '../topics/topic-pattern.ts'

// What a client waits before it returns, where nothing else was said: as browsers do.
const usualRetryMs = 1000
const usualForbidMs = 600_000

export class EventHub implements Hub {
  readonly #settings: ConnectionSettings
  readonly #runtime: Runtime
  readonly #log: EventLog
  readonly #ownsLog: boolean
  readonly #rules: PublicationRules
  readonly #authorize: Authorize | undefined
  readonly #onJoin: HubOptions['onJoin']
  readonly #onLeave: HubOptions['onLeave']
  readonly #maxConnections: number
  readonly #maxConnectionsPerIdentity: number
  readonly #maxTopicsPerConnection: number
  readonly #maxConnectionAgeMs: number
  readonly #index = new TopicIndex<Subscription>()
  // With the timer of its greatest age.
  readonly #subscriptions = new Map<Subscription, unknown>()
  readonly #connectionsOf = new Map<string, number>()
  readonly #forbidden: ForbiddenIdentities
  readonly #runs: Runs
  // The newest entry and its frame: what is delivered as it is appended asks for no other.
  #newest: LogEntry | null = null
  #newestFrame: Frame | null | undefined = undefined
  // What is replayed is encoded once for all replays, for as long as the log holds the entry.
  readonly #frames = new WeakMap<LogEntry, Frame | null>()
  readonly #counters = new HubCounters()
  readonly #host: SubscriptionHost
  readonly #stopTail: () => void
  // The newest place in the log that this hub has heard of.
  #head: Position = { epoch: '', seq: 0 }
  #restarts = 0
  #closing: Promise<void> | null = null
  #closed = false
  #onAllGone: (() => void) | null = null
  readonly #reported = new Set<string>()

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
    this.#maxConnectionAgeMs = durationOption('maxConnectionAgeMs', options.maxConnectionAgeMs, 0)
    this.#rules = new PublicationRules(options)
    this.#forbidden = new ForbiddenIdentities(this.#runtime)
    this.#log = logOption(options.log) ?? memoryLog({ runtime: options.runtime })
    this.#ownsLog = options.log === undefined
    this.#runs = new Runs({
      log: this.#log,
      onError: this.#settings.onError,
      publish: (topic, event) => this.#append(this.#check([topic, event])),
      append: (event) => this.#append(event),
    })
    this.#host = this.#createHost()
    this.#stopTail = this.#log.tail({
      appended: (entry) => this.#appended(entry),
      cancelled: (topic) => this.#runs.stop(topic),
      restarted: (head) => this.#restarted(head),
      skipped: (position) => this.#skipped(position),
      abandoned: (topic) => this.#runs.endAbandoned(topic),
    })
  }

  async publish(...args: PublishArguments<TopicSchemas>): Promise<{ readonly id: string }> {
    return this.#append(this.#check(args))
  }

  async publishMany(
    events: readonly PublishArguments<TopicSchemas>[],
  ): Promise<readonly { readonly id: string }[]> {
    return Promise.all(events.map((args) => this.#check(args)).map((event) => this.#append(event)))
  }

  async subscribe(request: Request, options: SubscribeOptions): Promise<Response> {
    const { topics, patterns } = checkLists(options)
    const filter = functionOption('filter', options.filter)
    const identity = stringOption('identity', options.identity)
    const announcements = choiceOption('announcements', options.announcements, ['send', 'omit'])
    const headers = eventStreamHeaders(options.headers)
    checkRequest(request)
    const requested = requestedEventId(options.lastEventId, request.headers.get('last-event-id'), request.url)
    const asked = this.#parseAsked(topics, patterns)
    if (asked instanceof Error) return this.#refuse(400, asked.message)
    if (this.#closing !== null) return this.#refuse(503)
    const answer = await this.#askAuthorize(request)
    if (answer === undefined) return this.#refuse(500)
    if ('refusal' in answer) return answer.refusal
    if (!grants(answer.access, asked)) return this.#refuse(403)
    const access = { ...answer.access, identity: identity ?? answer.access.identity }
    const refusal = this.#refusalOf(access)
    if (refusal !== undefined) return this.#refuse(refusal)

    let restarts: number
    let heard: string
    let head: Position
    let statuses: readonly TopicStatus[] | undefined
    try {
      do {
        restarts = this.#restarts
        heard = this.#head.epoch
        head = await this.#log.head()
        statuses = await this.#statusesOf(asked)
        // What was asked of a log that has restarted meanwhile is asked again.
      } while (restarts !== this.#restarts)
    } catch (error) {
      // A log behind a network. The client is to come again, and not to give up.
      this.#settings.onError(error)
      return this.#refuse(503)
    }
    if (statuses?.every(({ state }) => state === 'expired')) return this.#refuse(410)
    const start = startAt(requested, head, statuses?.every(({ state }) => state !== 'open') === true)
    const unendedTopics = statuses === undefined ? undefined : unended(asked, statuses, start)
    if (unendedTopics?.size === 0) return this.#refuse(204)

    return eventStreamResponse(
      (sink) => {
        // The hub has been told of a restart since the log was asked. If the log was in another epoch already than the hub
        // knew, that was old news, and the hub is told again.
        const isStale =
          restarts !== this.#restarts &&
          head.epoch !== this.#head.epoch &&
          (heard === head.epoch || heard === '')
        const from = isStale ? startAt(formatEventId(start.position), this.#head, false) : start
        return this.#open(sink, {
          patterns: asked,
          start: from,
          filter,
          access,
          announcements,
          unendedTopics,
        }).queue
      },
      headers,
      request,
    )
  }

  async end(topic: string, options: EndOptions = {}): Promise<boolean> {
    this.#rules.checkTopic(topic)
    return this.#runs.end(topic, 'completed', options)
  }

  async run(topic: string, producer: Producer, options: RunOptions = {}): Promise<Run> {
    this.#rules.checkTopic(topic)
    checkSource('producer', producer)
    ttlOf(options)
    if (this.#closing !== null) throw new HubClosedError()
    return this.#runs.run(topic, producer, options)
  }

  async cancel(topic: string): Promise<boolean> {
    this.#rules.checkTopic(topic)
    return (await this.#log.cancel(topic)) === 'running'
  }

  async topicState(topic: string): Promise<TopicState> {
    this.#rules.checkTopic(topic)
    return (await this.#log.status(topic)).state
  }

  stats(): HubStats {
    let bufferedBytes = 0
    for (const { queue } of this.#subscriptions.keys()) bufferedBytes += queue.bufferedBytes
    return {
      connections: this.#subscriptions.size,
      topics: this.#index.size,
      running: this.#runs.size,
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
      head: this.#head.epoch === '' ? null : formatEventId(this.#head),
      status: this.#closed ? 'closed' : this.#closing === null ? 'open' : 'closing',
      stats: this.stats(),
      topics,
      running: this.#runs.topics,
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
    const forbidMs = durationOption('forbidMs', options.forbidMs, usualForbidMs)
    // All are asked before the first goes: a predicate that cannot be understood ends no connection.
    const chosen = [...this.#subscriptions.keys()].filter((each) => isChosen(predicate, this.#describe(each)))
    let count = 0
    for (const subscription of chosen) {
      const { identity } = subscription
      if (reconnect === 'forbid' && identity !== undefined) this.#forbidden.forbid(identity, forbidMs)
      if (subscription.queue.close('server')) count += 1
    }
    return count
  }

  forbid(identity: string, options: ForbidOptions = {}): number {
    if (typeof identity !== 'string') throw new OptionError('identity', identity, 'a string')
    this.#forbidden.forbid(identity, durationOption('forbidMs', options.forbidMs, usualForbidMs))
    return this.disconnect((connection) => connection.identity === identity)
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
    await this.#runs.close()
    this.#closed = true
    this.#stopTail()
    if (this.#ownsLog) await this.#log.close()
  }

  get #retryMs(): number {
    return this.#settings.retryMs ?? usualRetryMs
  }

  #check(args: PublishArguments<TopicSchemas>): LoggedEvent {
    if (this.#closed) throw new HubClosedError()
    return this.#rules.check(...args)
  }

  async #append(event: LoggedEvent): Promise<{ readonly id: string }> {
    const startedAt = this.#runtime.now()
    const position = await this.#log.append(event)
    this.#counters.published += 1
    this.#counters.countLag(this.#runtime.now() - startedAt)
    return { id: formatEventId(position) }
  }

  /**
   * What a subscription asks for, or why there cannot be such topics. They may come from the request, so the reason is
   * not thrown: the client gets it with 400, and `onError` once, since it may as well be a mistake in the program.
   */
  #parseAsked(
    topics: readonly string[],
    patterns: readonly string[],
  ): readonly TopicPattern[] | TopicError | OptionError {
    const { maxTopicLength } = this.#rules
    const max = this.#maxTopicsPerConnection
    const count = topics.length + patterns.length
    if (count === 0 || count > max) {
      const expected = `1 to ${max} topics and patterns (maxTopicsPerConnection)`
      return this.#reportOnce('count', new OptionError('topics', count, expected))
    }
    const wildcard = topics.find(isPatternOnly)
    if (wildcard !== undefined) {
      const expected = 'topics without wildcards. Patterns go into the option patterns'
      return this.#reportOnce('wildcard', new OptionError('topics', wildcard, expected))
    }
    try {
      return [
        ...topics.map((topic) => parseTopic(topic, maxTopicLength)),
        ...patterns.map((pattern) => parseTopicPattern(pattern, maxTopicLength)),
      ]
    } catch (error) {
      if (!(error instanceof TopicError)) throw error
      return this.#reportOnce('topic', error)
    }
  }

  /** What the request may have; undefined if `authorize` failed, which is reported. */
  async #askAuthorize(request: Request): Promise<ReturnType<typeof parseAuthorization> | undefined> {
    if (this.#authorize === undefined) return { access: fullAccess }
    try {
      return parseAuthorization(await this.#authorize(request), this.#rules.maxTopicLength)
    } catch (error) {
      this.#settings.onError(error)
      return undefined
    }
  }

  /** For what may go wrong with each request in the same way. */
  #reportOnce<E extends Error>(what: string, error: E): E {
    if (!this.#reported.has(what)) this.#settings.onError(error)
    this.#reported.add(what)
    return error
  }

  #refusalOf({ identity, expiresAt }: Access): RefusalStatus | undefined {
    if (this.#forbidden.has(identity)) return 204
    if (expiresAt <= this.#runtime.wallClock()) return 403
    if (this.#subscriptions.size >= this.#maxConnections) return 503
    if (identity !== undefined && (this.#connectionsOf.get(identity) ?? 0) >= this.#maxConnectionsPerIdentity)
      return 429
    return undefined
  }

  #refuse(status: RefusalStatus, reason?: string): Response {
    this.#counters.refused[status] += 1
    // At a time of their own, so that those who were refused together do not return together.
    const retryAfter = String(1 + Math.floor(this.#runtime.random() * 3))
    const headers = new Headers()
    if (status === 429 || status === 503) headers.set('retry-after', retryAfter)
    if (reason === undefined) return new Response(null, { status, headers })
    headers.set('content-type', 'text/plain; charset=utf-8')
    return new Response(`${reason}\n`, { status, headers })
  }

  /** Where each topic stands; undefined if there are patterns among them, which never come to an end. */
  async #statusesOf(patterns: readonly TopicPattern[]): Promise<readonly TopicStatus[] | undefined> {
    if (patterns.some((pattern) => pattern.hasWildcard)) return undefined
    return Promise.all(patterns.map((pattern) => this.#log.status(pattern.text)))
  }

  #open(sink: ByteSink, terms: SubscriptionTerms): Subscription {
    const subscription = new Subscription(sink, this.#host, terms)
    const { identity } = terms.access
    // Since it was let in the hub may have begun to close, or filled up (many can be let in at once), or it was forbidden.
    if (this.#closing !== null) this.#dismiss(subscription, 'drain')
    else if (this.#isOverfull(identity) || this.#forbidden.has(identity))
      this.#dismiss(subscription, 'server')
    return subscription
  }

  #isOverfull(identity: string | undefined): boolean {
    if (this.#subscriptions.size > this.#maxConnections) return true
    return (
      identity !== undefined && (this.#connectionsOf.get(identity) ?? 0) > this.#maxConnectionsPerIdentity
    )
  }

  #dismiss(subscription: Subscription, reason: CloseReason): void {
    dismiss(subscription, reason, this.#retryMs, () => this.#runtime.random())
  }

  #createHost(): SubscriptionHost {
    const head = (): Position => this.#head
    return {
      settings: this.#settings,
      log: this.#log,
      get head() {
        return head()
      },
      frameOf: (entry) => this.#frameOf(entry),
      opened: (subscription) => this.#add(subscription),
      closed: (subscription, reason) => this.#remove(subscription, reason),
      delivered: (frame, replayed) => {
        this.#counters.delivered += 1
        this.#counters.deliveredBytes += frame.bytes.byteLength
        if (replayed) this.#counters.replayed += 1
      },
      reportOnce: (what, error) => void this.#reportOnce(what, error),
      gapAnnounced: () => {
        this.#counters.gaps += 1
      },
    }
  }

  #add(subscription: Subscription): void {
    const { identity } = subscription
    this.#counters.opened += 1
    this.#subscriptions.set(subscription, this.#startAgeTimer(subscription))
    if (identity !== undefined)
      this.#connectionsOf.set(identity, (this.#connectionsOf.get(identity) ?? 0) + 1)
    for (const pattern of subscription.patterns) this.#index.add(pattern, subscription)
    callListener(() => this.#onJoin?.(this.#describe(subscription)), this.#settings.onError)
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
    callListener(() => this.#onLeave?.(this.#describe(subscription), reason), this.#settings.onError)
    if (this.#subscriptions.size === 0) this.#onAllGone?.()
  }

  #startAgeTimer(subscription: Subscription): unknown {
    if (this.#maxConnectionAgeMs === 0) return undefined
    return this.#runtime.setTimeout(
      () => this.#dismiss(subscription, 'expired'),
      Math.min(this.#maxConnectionAgeMs * (0.9 + 0.2 * this.#runtime.random()), maxTimerMs),
    )
  }

  #appended(entry: LogEntry): void {
    this.#head = entry.position
    this.#newest = entry
    this.#newestFrame = undefined
    this.#index.forEach(entry.topic, (subscription) => subscription.deliver(entry))
  }

  #restarted(head: Position): void {
    this.#head = head
    this.#restarts += 1
    for (const subscription of this.#subscriptions.keys()) subscription.restart(head)
  }

  #skipped(position: Position): void {
    this.#head = position
    for (const subscription of this.#subscriptions.keys()) subscription.readAgain()
  }

  #frameOf(entry: LogEntry): Frame | null {
    if (entry === this.#newest) {
      // Null is one that cannot be formatted, which is said once.
      if (this.#newestFrame === undefined) this.#newestFrame = this.#format(entry)
      return this.#newestFrame
    }
    let frame = this.#frames.get(entry)
    if (frame === undefined) {
      frame = this.#format(entry)
      this.#frames.set(entry, frame)
    }
    return frame
  }

  #format(entry: LogEntry): Frame | null {
    const id = formatEventId(entry.position)
    const event = { id, data: entry.data, ...(entry.event !== undefined && { event: entry.event }) }
    try {
      return eventFrame(event, keyOf(entry))
    } catch (error) {
      // Another process on the log may check less than this hub does.
      this.#settings.onError(error)
      return null
    }
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

/** The lists are the program's, what is in them may be the request's. */
function checkLists({ topics = [], patterns = [] }: SubscribeOptions): {
  readonly topics: readonly string[]
  readonly patterns: readonly string[]
} {
  if (!Array.isArray(topics)) throw new OptionError('topics', topics, 'a list of topics')
  if (!Array.isArray(patterns)) throw new OptionError('patterns', patterns, 'a list of topic patterns')
  return { topics, patterns }
}

function isChosen(predicate: (connection: HubConnection) => boolean, connection: HubConnection): boolean {
  const answer: unknown = predicate(connection)
  if (typeof answer === 'boolean') return answer
  throw new OptionError('predicate', answer, 'a function that returns true or false, and not a promise of it')
}

function logOption(log: EventLog | undefined): EventLog | undefined {
  if (log !== undefined && typeof (log as EventLog | null)?.append !== 'function')
    throw new OptionError('log', log, 'an EventLog')
  return log
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

/** What the hub says for itself takes the place of nothing that was published. No topic has a space. */
function keyOf({ topic, event, key }: LogEntry): string {
  return event?.startsWith('stream.') === true ? `${event} ${topic}` : (key ?? topic)
}
