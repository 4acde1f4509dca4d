import { createOnceReporter } from '../callbacks.ts'
import { connectionSettings } from '../connection/connection-options.ts'
import type { EventStream } from '../connection/event-stream.ts'
import { hasCode } from '../errors/has-code.ts'
import { HubClosedError } from '../errors/hub-closed-error.ts'
import { OptionError } from '../errors/option-error.ts'
import type { EventLog, TopicState } from '../log/event-log.ts'
import { memoryLog } from '../log/memory-log.ts'
import { checkOptionNames } from '../option-names.ts'
import { durationOption, functionOption, stringOption } from '../options.ts'
import { checkSource } from '../respond/source.ts'
import type { Runtime } from '../runtime.ts'
import { createEpoch, formatEventId } from '../wire-contract/event-id.ts'
import { Admission } from './admission.ts'
import { listsOf, parseTopics } from './asked-topics.ts'
import { ConnectionRegistry } from './connection-registry.ts'
import { Control } from './control.ts'
import { Delivery } from './delivery.ts'
import { Dismissal } from './dismissal.ts'
import { FiniteTopics, stopMsOf, ttlOf } from './finite-topics.ts'
import type { Hub, HubInspection, Run } from './hub.ts'
import { join } from './join.ts'
import { hubOptionNames } from './hub-options.ts'
import type {
  ConnectionFilter,
  DisconnectOptions,
  EndOptions,
  ForbidOptions,
  HubCloseOptions,
  HubConnection,
  HubOptions,
  HubReading,
  JoinOptions,
  PresentConnection,
  ReadOptions,
  RunOptions,
  SubscribeOptions,
  TopicSchemas,
} from './hub-options.ts'
import type { BatchArguments, PublishArguments, Published, PublishedBatch } from './publish-options.ts'
import { HubCounters } from './hub-stats.ts'
import type { HubStats } from './hub-stats.ts'
import type { Producer } from './producer.ts'
import { PublicationRules } from './publication-rules.ts'
import { Presence } from './presence.ts'
import { Publisher } from './publisher.ts'
import { SubscribeHandler } from './subscribe-handler.ts'

// How long a hub that closes waits for its log to notify it of the ends of what ran here.
const longestTailMs = 1000

/**
 * Publishing goes to the log, and the log notifies the hub, which sends to the subscribed connections.
 *     publish    -> Publisher -> EventLog -> (tail) -> Delivery -> Subscription, for each subscriber
 *     subscribe  -> Admission -> planStart -> Subscription
 *     run, end   -> FiniteTopics -> EventLog
 */
export class EventHub implements Hub {
  readonly #log: EventLog
  readonly #ownsLog: boolean
  readonly #rules: PublicationRules
  readonly #counters = new HubCounters()
  readonly #connections: ConnectionRegistry
  readonly #control: Control
  readonly #presence: Presence
  readonly #subscribeHandler: SubscribeHandler
  readonly #dismissal: Dismissal
  readonly #publisher: Publisher
  readonly #finite: FiniteTopics
  readonly #delivery: Delivery
  readonly #stopTail: () => void
  readonly #runtime: Runtime
  readonly #onError: (error: unknown) => void
  readonly #reportOnce: (what: string, error: Error) => void
  #closing: Promise<void> | null = null
  #closed = false

  constructor(options: HubOptions) {
    checkOptionNames(options, hubOptionNames)
    const settings = connectionSettings(options)
    const { onError } = settings
    const { runtime } = settings.scheduler
    this.#runtime = runtime
    this.#onError = onError
    this.#rules = new PublicationRules(options)
    const onJoin = functionOption('onJoin', options.onJoin)
    const onLeave = functionOption('onLeave', options.onLeave)
    this.#connections = new ConnectionRegistry({ runtime, onError, onJoin, onLeave })
    const reportOnce = createOnceReporter(onError)
    this.#reportOnce = reportOnce
    const admission = new Admission(options, {
      runtime,
      counters: this.#counters,
      connections: this.#connections,
      maxTopicLength: this.#rules.maxTopicLength,
      onError,
      reportOnce,
    })
    this.#dismissal = new Dismissal(options, settings)
    const { log = memoryLog({ runtime: options.runtime }) } = options
    if (typeof (log as EventLog | null)?.append !== 'function')
      throw new OptionError('log', log, 'an EventLog')
    if (typeof (log as Partial<EventLog>).appendBatch !== 'function')
      throw new OptionError('log', log, 'an EventLog of this release, which has appendBatch and control')
    this.#log = log
    this.#ownsLog = options.log === undefined
    const node = stringOption('node', options.node) ?? createEpoch(runtime)
    this.#control = new Control({
      log,
      connections: this.#connections,
      forbidden: admission.forbidden,
      runtime,
      onError,
      createName: () => createEpoch(runtime),
    })
    this.#presence = new Presence({
      log,
      node,
      name: createEpoch(runtime),
      intervalMs: durationOption('presenceIntervalMs', options.presenceIntervalMs, this.#ownsLog ? 0 : 5000),
      runtime,
      connections: this.#connections,
      onError,
    })
    const publisher = new Publisher({ log, rules: this.#rules, counters: this.#counters, runtime })
    this.#publisher = publisher
    this.#finite = new FiniteTopics({
      log,
      runtime,
      onError,
      publish: (topic, event) => publisher.publishClaimed(topic, event),
    })
    const shared = { connections: this.#connections, dismissal: this.#dismissal, counters: this.#counters }
    const delivery = new Delivery({ settings, log, ...shared, reportOnce })
    this.#delivery = delivery
    this.#subscribeHandler = new SubscribeHandler({
      options,
      admission,
      control: this.#control,
      delivery,
      dismissal: this.#dismissal,
      presence: this.#presence,
      isClosing: () => this.#closing !== null,
      onError,
    })
    this.#stopTail = log.tail({
      appended: (entry) => delivery.appended(entry),
      cancelled: (topic) => this.#finite.stop(topic),
      restarted: (head) => {
        delivery.restarted(head)
        this.#finite.restarted()
        void this.#control.restarted()
      },
      skipped: (position) => delivery.skipped(position),
      abandoned: (topic) => this.#finite.endAbandoned(topic),
      controlled: (entry) => this.#control.controlled(entry),
    })
  }

  publish(...args: PublishArguments<TopicSchemas>): Promise<Published> {
    return this.#publisher.publish(...args)
  }

  publishMany(events: readonly PublishArguments<TopicSchemas>[]): Promise<readonly Published[]> {
    return this.#publisher.publishMany(events)
  }

  publishBatch(...args: BatchArguments<TopicSchemas>): Promise<PublishedBatch> {
    return this.#publisher.publishBatch(...args)
  }

  subscribe(request: Request, options: SubscribeOptions): Promise<Response> {
    return this.#subscribeHandler.handle(request, options)
  }

  read(topics: readonly string[], options: ReadOptions = {}): AsyncGenerator<HubReading, undefined> {
    const { after, signal } = options
    stringOption('after', after)
    const patterns = parseTopics(listsOf({ topics, patterns: options.patterns }), this.#rules.maxTopicLength)
    if (patterns.length === 0) throw new OptionError('topics', topics, 'at least one topic or pattern')
    if (this.#closed) throw new HubClosedError()
    return this.#delivery.read(patterns, after === '' ? undefined : after, signal)
  }

  async join(stream: EventStream, options: JoinOptions): Promise<void> {
    const read: EventHub['read'] = (...args) => this.read(...args)
    const isClosing = (): boolean => this.#closing !== null
    await join({ read, isClosing, onError: this.#onError, reportOnce: this.#reportOnce }, stream, options)
  }

  async position(topic?: string): Promise<string> {
    if (topic === undefined) return formatEventId(await this.#log.head())
    this.#rules.checkTopic(topic)
    for (;;) {
      const { epoch } = await this.#log.head()
      const { lastSeq } = await this.#log.status(topic)
      // Between the two the log may have begun another epoch.
      if ((await this.#log.head()).epoch === epoch) return formatEventId({ epoch, seq: lastSeq })
    }
  }

  async end(topic: string, options: EndOptions = {}): Promise<boolean> {
    this.#rules.checkTopic(topic)
    return this.#finite.end(topic, 'completed', options)
  }

  async run(topic: string, producer: Producer, options: RunOptions = {}): Promise<Run> {
    this.#rules.checkTopic(topic)
    checkSource('producer', producer)
    ttlOf(options)
    stopMsOf(options)
    if (this.#closing !== null) throw new HubClosedError()
    return this.#finite.run(topic, producer, options)
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
    return {
      connections: this.#connections.size,
      topics: this.#connections.topicCount,
      running: this.#finite.size,
      bufferedBytes: this.#connections.bufferedBytes,
      replayBytes: this.#connections.replayBytes,
      ...this.#counters.snapshot(),
    }
  }

  inspect(): HubInspection {
    const { head } = this.#delivery
    return {
      head: head.epoch === '' ? null : formatEventId(head),
      status: this.#closed ? 'closed' : this.#closing === null ? 'open' : 'closing',
      stats: this.stats(),
      log: this.#logStats(),
      topics: this.#connections.countByTopic(),
      running: this.#finite.topics,
      connections: this.connections(),
    }
  }

  #logStats(): object | null {
    try {
      return this.#log.stats?.() ?? null
    } catch (error) {
      // A page for administrators shows the rest all the same.
      if (!hasCode(error, 'hub-closed')) this.#onError(error)
      return null
    }
  }

  connections(filter?: ConnectionFilter & { readonly everywhere?: false }): readonly HubConnection[]
  connections(filter: ConnectionFilter & { readonly everywhere: true }): Promise<readonly PresentConnection[]>
  connections(
    filter: ConnectionFilter & { readonly everywhere?: boolean } = {},
  ): readonly HubConnection[] | Promise<readonly PresentConnection[]> {
    return filter.everywhere === true ? this.#presence.describe(filter) : this.#connections.describe(filter)
  }

  disconnect(predicate: (connection: HubConnection) => boolean, options?: DisconnectOptions): number
  disconnect(filter: ConnectionFilter, options?: DisconnectOptions): Promise<number>
  disconnect(
    which: ConnectionFilter | ((connection: HubConnection) => boolean),
    options: DisconnectOptions = {},
  ): number | Promise<number> {
    return typeof which === 'function'
      ? this.#control.disconnect(which, options)
      : this.#control.disconnectEverywhere(which, options)
  }

  forbid(identity: string, options: ForbidOptions = {}): Promise<number> {
    return this.#control.forbid(identity, options)
  }

  isForbidden(identity: string): Promise<boolean> {
    return this.#control.isForbidden(identity)
  }

  allow(identity: string): Promise<void> {
    return this.#control.allow(identity)
  }

  close(options: HubCloseOptions = {}): Promise<void> {
    const drainMs = durationOption('drainMs', options.drainMs, 0)
    const timeoutMs = durationOption('timeoutMs', options.timeoutMs, 5000)
    const runsMs = durationOption('runsMs', options.runsMs, 0)
    this.#closing ??= this.#close(runsMs, drainMs, timeoutMs)
    return this.#closing
  }

  async #close(runsMs: number, drainMs: number, timeoutMs: number): Promise<void> {
    // Before their readers go, so that these have the end.
    await this.#finite.close(runsMs)
    const { lastEnd } = this.#finite
    if (lastEnd !== undefined) await this.#delivery.untilDelivered(lastEnd, longestTailMs, this.#runtime)
    await this.#dismissal.drain(this.#connections, drainMs)
    const emptied = (): Promise<void> =>
      this.#connections.untilEmpty(timeoutMs, ({ queue }) => queue.abort('drain'))
    await Promise.all([emptied(), this.#presence.close()])
    // While the log was waited for another may have come, to be dismissed.
    await emptied()
    this.#closed = true
    this.#publisher.close()
    this.#delivery.close()
    this.#stopTail()
    if (this.#ownsLog) await this.#log.close()
  }
}
