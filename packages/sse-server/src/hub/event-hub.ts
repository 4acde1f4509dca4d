import { createOnceReporter } from '../callbacks.ts'
import type { ByteSink } from '../connection/byte-sink.ts'
import { connectionSettings } from '../connection/connection-options.ts'
import type { FrameQueue } from '../connection/frame-queue.ts'
import { HubClosedError } from '../errors/hub-closed-error.ts'
import { OptionError } from '../errors/option-error.ts'
import type { EventLog, TopicState } from '../log/event-log.ts'
import { memoryLog } from '../log/memory-log.ts'
import { checkOptionNames } from '../option-names.ts'
import { checkRequest, choiceOption, durationOption, functionOption, stringOption } from '../options.ts'
import { eventStreamHeaders, eventStreamResponse } from '../respond/event-stream-response.ts'
import { checkSource } from '../respond/source.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import { requestedEventId } from '../wire-contract/requested-event-id.ts'
import { Admission } from './admission.ts'
import { listsOf, parseTopics } from './asked-topics.ts'
import { ConnectionRegistry } from './connection-registry.ts'
import { Control } from './control.ts'
import { Delivery } from './delivery.ts'
import { Dismissal } from './dismissal.ts'
import { FiniteTopics, ttlOf } from './finite-topics.ts'
import type { Hub, HubInspection, Run } from './hub.ts'
import { hubOptionNames, subscribeOptionNames } from './hub-options.ts'
import type {
  DisconnectOptions,
  EndOptions,
  ForbidOptions,
  HubCloseOptions,
  HubConnection,
  HubOptions,
  HubReading,
  PublishArguments,
  ReadOptions,
  RunOptions,
  SubscribeOptions,
  TopicSchemas,
} from './hub-options.ts'
import { HubCounters } from './hub-stats.ts'
import type { HubStats } from './hub-stats.ts'
import type { Producer } from './producer.ts'
import { PublicationRules } from './publication-rules.ts'
import { Publisher } from './publisher.ts'
import type { Subscription } from './subscription.ts'
import type { SubscriptionTerms } from './subscription-terms.ts'

/**
 * Publishing goes to the log, and what the log notifies of goes to the connections that want it.
 *     publish    -> Publisher -> EventLog -> (tail) -> Delivery -> Subscription, for each that wants it
 *     subscribe  -> Admission -> planStart -> Subscription
 *     run, end   -> FiniteTopics -> EventLog
 */
export class EventHub implements Hub {
  readonly #log: EventLog
  readonly #ownsLog: boolean
  readonly #rules: PublicationRules
  readonly #counters = new HubCounters()
  readonly #connections: ConnectionRegistry
  readonly #admission: Admission
  readonly #control: Control
  readonly #dismissal: Dismissal
  readonly #publisher: Publisher
  readonly #finite: FiniteTopics
  readonly #delivery: Delivery
  readonly #stopTail: () => void
  #closing: Promise<void> | null = null
  #closed = false

  constructor(options: HubOptions) {
    checkOptionNames(options, hubOptionNames)
    const settings = connectionSettings(options)
    const { onError } = settings
    const { runtime } = settings.scheduler
    this.#rules = new PublicationRules(options)
    const onJoin = functionOption('onJoin', options.onJoin)
    const onLeave = functionOption('onLeave', options.onLeave)
    this.#connections = new ConnectionRegistry({ runtime, onError, onJoin, onLeave })
    const reportOnce = createOnceReporter(onError)
    this.#admission = new Admission(options, {
      runtime,
      counters: this.#counters,
      connections: this.#connections,
      maxTopicLength: this.#rules.maxTopicLength,
      onError,
      reportOnce,
    })
    this.#control = new Control(this.#connections, this.#admission.forbidden)
    this.#dismissal = new Dismissal(options, settings)
    const { log = memoryLog({ runtime: options.runtime }) } = options
    if (typeof (log as EventLog | null)?.append !== 'function')
      throw new OptionError('log', log, 'an EventLog')
    this.#log = log
    this.#ownsLog = options.log === undefined
    const publisher = new Publisher({ log, rules: this.#rules, counters: this.#counters, runtime })
    this.#publisher = publisher
    this.#finite = new FiniteTopics({
      log,
      runtime,
      onError,
      publish: (topic, event) => publisher.publish(topic, event),
      append: (event) => publisher.append(event),
    })
    const shared = { connections: this.#connections, dismissal: this.#dismissal, counters: this.#counters }
    const delivery = new Delivery({ settings, log, ...shared, reportOnce })
    this.#delivery = delivery
    this.#stopTail = log.tail({
      appended: (entry) => delivery.appended(entry),
      cancelled: (topic) => this.#finite.stop(topic),
      restarted: (head) => delivery.restarted(head),
      skipped: (position) => delivery.skipped(position),
      abandoned: (topic) => this.#finite.endAbandoned(topic),
    })
  }

  publish(...args: PublishArguments<TopicSchemas>): Promise<{ readonly id: string }> {
    return this.#publisher.publish(...args)
  }

  publishMany(
    events: readonly PublishArguments<TopicSchemas>[],
  ): Promise<readonly { readonly id: string }[]> {
    return this.#publisher.publishMany(events)
  }

  async subscribe(request: Request, options: SubscribeOptions): Promise<Response> {
    checkOptionNames(options, subscribeOptionNames)
    const filter = functionOption('filter', options.filter)
    stringOption('identity', options.identity)
    const wireContract = choiceOption('wireContract', options.wireContract, ['full', 'ids-only'])
    const headers = eventStreamHeaders(options.headers)
    checkRequest(request)
    const requested = requestedEventId(options.lastEventId, request.headers.get('last-event-id'), request.url)
    if (this.#closing !== null) return this.#admission.refuse(503)
    const admitted = await this.#admission.admit(request, options)
    if (!('access' in admitted)) return admitted
    const planned = await this.#delivery.planStart(admitted.patterns, requested)
    if (typeof planned === 'number') return this.#admission.refuse(planned)
    if (this.#admission.forbidden.has(admitted.access.identity)) return this.#admission.refuse(204)
    const { atOpening, unendedTopics } = planned
    const { patterns, access } = admitted
    const open = (sink: ByteSink): FrameQueue =>
      // Spelled out: an object that is spread into costs each connection some 70 bytes more.
      this.#open(sink, { patterns, start: atOpening(), filter, access, wireContract, unendedTopics }).queue
    return eventStreamResponse(open, headers, request)
  }

  read(topics: readonly string[], options: ReadOptions = {}): AsyncGenerator<HubReading, undefined> {
    const { after, signal } = options
    stringOption('after', after)
    const patterns = parseTopics(listsOf({ topics, patterns: options.patterns }), this.#rules.maxTopicLength)
    if (patterns.length === 0) throw new OptionError('topics', topics, 'at least one topic or pattern')
    if (this.#closed) throw new HubClosedError()
    return this.#delivery.read(patterns, after === '' ? undefined : after, signal)
  }

  async position(): Promise<string> {
    return formatEventId(await this.#log.head())
  }

  async end(topic: string, options: EndOptions = {}): Promise<boolean> {
    this.#rules.checkTopic(topic)
    return this.#finite.end(topic, 'completed', options)
  }

  async run(topic: string, producer: Producer, options: RunOptions = {}): Promise<Run> {
    this.#rules.checkTopic(topic)
    checkSource('producer', producer)
    ttlOf(options)
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
      ...this.#counters.snapshot(),
    }
  }

  inspect(): HubInspection {
    const { head } = this.#delivery
    return {
      head: head.epoch === '' ? null : formatEventId(head),
      status: this.#closed ? 'closed' : this.#closing === null ? 'open' : 'closing',
      stats: this.stats(),
      topics: this.#connections.countByTopic(),
      running: this.#finite.topics,
      connections: this.connections(),
    }
  }

  connections(filter?: { readonly topic?: string; readonly identity?: string }): readonly HubConnection[] {
    return this.#connections.describe(filter)
  }

  disconnect(predicate: (connection: HubConnection) => boolean, options: DisconnectOptions = {}): number {
    return this.#control.disconnect(predicate, options)
  }

  forbid(identity: string, options: ForbidOptions = {}): number {
    return this.#control.forbid(identity, options)
  }

  allow(identity: string): void {
    this.#control.allow(identity)
  }

  close(options: HubCloseOptions = {}): Promise<void> {
    const drainMs = durationOption('drainMs', options.drainMs, 0)
    const timeoutMs = durationOption('timeoutMs', options.timeoutMs, 5000)
    this.#closing ??= this.#close(drainMs, timeoutMs)
    return this.#closing
  }

  async #close(drainMs: number, timeoutMs: number): Promise<void> {
    await this.#dismissal.drain(this.#connections, drainMs)
    await this.#connections.untilEmpty(timeoutMs, ({ queue }) => queue.abort('drain'))
    await this.#finite.close()
    this.#closed = true
    this.#publisher.close()
    this.#delivery.close()
    this.#stopTail()
    if (this.#ownsLog) await this.#log.close()
  }

  #open(sink: ByteSink, terms: SubscriptionTerms): Subscription {
    const subscription = this.#delivery.open(sink, terms)
    // Much may have happened since it was let in.
    if (this.#closing !== null) this.#dismissal.dismiss(subscription, 'drain')
    else if (this.#admission.isOverfull(terms.access.identity))
      this.#dismissal.dismiss(subscription, 'server')
    return subscription
  }
}
