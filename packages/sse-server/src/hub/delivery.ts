import type { ByteSink } from '../connection/byte-sink.ts'
import type { ConnectionSettings } from '../connection/connection-options.ts'
import type { EventLog, LogEntry } from '../log/event-log.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import type { Position } from '../wire-contract/event-id.ts'
import type { ConnectionRegistry } from './connection-registry.ts'
import type { Dismissal } from './dismissal.ts'
import { FrameCache } from './frame-cache.ts'
import type { HubCounters } from './hub-stats.ts'
import { KnownHead } from './known-head.ts'
import { planStart, type PlannedStart } from './start.ts'
import { Subscription, type SubscriptionHost, type SubscriptionTerms } from './subscription.ts'

interface DeliveryOptions {
  readonly settings: ConnectionSettings
  readonly log: EventLog
  readonly connections: ConnectionRegistry
  readonly dismissal: Dismissal
  readonly counters: HubCounters
  readonly reportOnce: SubscriptionHost['reportOnce']
}

/** Takes what the log notifies the hub of to the connections that want it. */
export class Delivery {
  readonly #known = new KnownHead()
  readonly #connections: ConnectionRegistry
  readonly #frames: FrameCache
  readonly #host: SubscriptionHost

  constructor(options: DeliveryOptions) {
    const { settings, log, connections, dismissal, counters, reportOnce } = options
    const known = this.#known
    const frames = new FrameCache(settings.onError)
    this.#connections = connections
    this.#frames = frames
    this.#host = {
      settings,
      log,
      get head() {
        return known.position
      },
      frameOf: (entry) => frames.frameOf(entry),
      opened(subscription) {
        counters.opened += 1
        dismissal.watchAge(subscription)
        connections.add(subscription)
      },
      closed(subscription, reason) {
        counters.closed[reason] += 1
        dismissal.forget(subscription)
        connections.delete(subscription, reason)
      },
      delivered: (frame, replayed) => counters.countDelivery(frame.bytes.byteLength, replayed),
      gapAnnounced() {
        counters.gaps += 1
      },
      reportOnce,
    }
  }

  /** The newest position that the hub has been notified of; of no epoch before the first. */
  get head(): Position {
    return this.#known.position
  }

  /** @returns 503 if the log cannot be asked, which is reported: the client should come again, and not give up. */
  async planStart(
    patterns: readonly TopicPattern[],
    requested: string | undefined,
  ): Promise<PlannedStart | 204 | 410 | 503> {
    const { log, settings } = this.#host
    try {
      return await planStart(log, this.#known, patterns, requested)
    } catch (error) {
      settings.onError(error)
      return 503
    }
  }

  open(sink: ByteSink, terms: SubscriptionTerms): Subscription {
    return new Subscription(sink, this.#host, terms)
  }

  appended(entry: LogEntry): void {
    this.#known.advance(entry.position)
    this.#frames.begin(entry)
    this.#connections.forEachOf(entry.topic, (subscription) => subscription.deliver(entry))
  }

  restarted(head: Position): void {
    this.#known.restart(head)
    for (const subscription of this.#connections) subscription.restart(head)
  }

  skipped(position: Position): void {
    this.#known.advance(position)
    for (const subscription of this.#connections) subscription.readAgain()
  }
}
