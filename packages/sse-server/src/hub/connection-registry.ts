import { callListener } from '../callbacks.ts'
import type { CloseReason } from '../connection/frame-queue.ts'
import { OptionError } from '../errors/option-error.ts'
import type { Runtime } from '../runtime.ts'
import { TopicIndex } from '../topics/topic-index.ts'
import { matchesTopic } from '../topics/topic-pattern.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import type { ConnectionFilter, HubConnection, HubOptions } from './hub-options.ts'
import type { Subscription } from './subscription.ts'

interface ConnectionRegistryOptions {
  readonly runtime: Runtime
  readonly onError: (error: unknown) => void
  readonly onJoin: HubOptions['onJoin']
  readonly onLeave: HubOptions['onLeave']
}

/** The open connections of a hub: by topic, by identity, and as they are seen from outside. */
export class ConnectionRegistry {
  readonly #options: ConnectionRegistryOptions
  readonly #subscriptions = new Set<Subscription>()
  readonly #byTopic = new TopicIndex<Subscription>()
  readonly #countOf = new Map<string, number>()
  #onEmpty: (() => void) | null = null

  constructor(options: ConnectionRegistryOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#subscriptions.size
  }

  /** How many topics and patterns are subscribed to. */
  get topicCount(): number {
    return this.#byTopic.size
  }

  get bufferedBytes(): number {
    let bytes = 0
    for (const { queue } of this.#subscriptions) bytes += queue.bufferedBytes
    return bytes
  }

  get replayBytes(): number {
    let bytes = 0
    for (const { replayBytes } of this.#subscriptions) bytes += replayBytes
    return bytes
  }

  /** How many connections an identity has. */
  countOf(identity: string): number {
    return this.#countOf.get(identity) ?? 0
  }

  [Symbol.iterator](): Iterator<Subscription> {
    return this.#subscriptions.values()
  }

  /** Calls `visit` for each connection that subscribes to the topic. */
  forEachOf(topic: string, visit: (subscription: Subscription) => void): void {
    this.#byTopic.forEach(topic, visit)
  }

  add(subscription: Subscription): void {
    const { identity, patterns } = subscription
    this.#subscriptions.add(subscription)
    if (identity !== undefined) this.#countOf.set(identity, this.countOf(identity) + 1)
    for (const pattern of patterns) this.#byTopic.add(pattern, subscription)
    const { onJoin, onError } = this.#options
    callListener(() => onJoin?.(this.#describe(subscription)), onError)
  }

  delete(subscription: Subscription, reason: CloseReason): void {
    const { identity, patterns } = subscription
    this.#subscriptions.delete(subscription)
    if (identity !== undefined) {
      const count = this.countOf(identity) - 1
      if (count > 0) this.#countOf.set(identity, count)
      else this.#countOf.delete(identity)
    }
    for (const pattern of patterns) this.#byTopic.delete(pattern, subscription)
    const { onLeave, onError } = this.#options
    callListener(() => onLeave?.(this.#describe(subscription), reason), onError)
    if (this.#subscriptions.size === 0) this.#onEmpty?.()
  }

  /** Resolves when no connection is left; `abort` then ends those that are. */
  async untilEmpty(timeoutMs: number, abort: (subscription: Subscription) => void): Promise<void> {
    if (this.size === 0) return
    const { runtime } = this.#options
    await new Promise<void>((resolve) => {
      const timer = runtime.setTimeout(() => this.#subscriptions.forEach(abort), timeoutMs)
      this.#onEmpty = () => {
        runtime.clearTimeout(timer)
        resolve()
      }
    })
  }

  /** How many connections each topic and pattern has. */
  countByTopic(): Record<string, number> {
    const counts = new Map<string, number>()
    for (const { patterns } of this.#subscriptions)
      for (const { text } of patterns) counts.set(text, (counts.get(text) ?? 0) + 1)
    return Object.fromEntries(counts)
  }

  /** The connections of an identity, or to a topic, or all. */
  find({ topic, identity }: ConnectionFilter): readonly Subscription[] {
    return [...this.#subscriptions]
      .filter((each) => identity === undefined || each.identity === identity)
      .filter((each) => topic === undefined || each.patterns.some((pattern) => matchesTopic(pattern, topic)))
  }

  /** As they are seen from outside. */
  describe(filter: ConnectionFilter = {}): readonly HubConnection[] {
    return this.find(filter).map((each) => this.#describe(each))
  }

  /**
   * The connections for which the predicate holds.
   *
   * @throws {@link OptionError} if it returns anything but true or false.
   */
  select(predicate: (connection: HubConnection) => boolean): readonly Subscription[] {
    return [...this.#subscriptions].filter((each) => {
      const answer: unknown = predicate(this.#describe(each))
      if (typeof answer === 'boolean') return answer
      throw new OptionError(
        'predicate',
        answer,
        'a function that returns true or false, and not a promise of it',
      )
    })
  }

  #describe(subscription: Subscription): HubConnection {
    return {
      identity: subscription.identity,
      topics: subscription.patterns.map((pattern) => pattern.text),
      position: formatEventId(subscription.position),
      ageMs: this.#options.runtime.now() - subscription.openedAt,
      bufferedBytes: subscription.queue.bufferedBytes,
    }
  }
}
