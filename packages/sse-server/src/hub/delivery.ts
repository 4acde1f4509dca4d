import type { ByteSink } from '../connection/byte-sink.ts'
import type { ConnectionSettings } from '../connection/connection-options.ts'
import type { Frame } from '../connection/frame.ts'
import type { EventLog, LogEntry } from '../log/event-log.ts'
import type { Runtime } from '../runtime.ts'
import { TopicIndex } from '../topics/topic-index.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import type { Position } from '../wire-contract/event-id.ts'
import type { ConnectionRegistry } from './connection-registry.ts'
import type { Dismissal } from './dismissal.ts'
import { FrameCache } from './frame-cache.ts'
import type { HubCounters } from './hub-stats.ts'
import type { HubReading } from './hub-options.ts'
import { KnownHead } from './known-head.ts'
import { LogReader } from './log-reader.ts'
import { planStart } from './start.ts'
import type { PlannedStart, StartRules } from './start.ts'
import { Subscription } from './subscription.ts'
import type { SubscriptionHost } from './subscription-host.ts'
import type { SubscriptionTerms } from './subscription-terms.ts'

interface DeliveryOptions {
  readonly settings: ConnectionSettings
  readonly log: EventLog
  readonly connections: ConnectionRegistry
  readonly dismissal: Dismissal
  readonly counters: HubCounters
  readonly reportOnce: SubscriptionHost<Subscription>['reportOnce']
}

/** Delivers what the log notifies the hub of to the subscribed connections. */
export class Delivery {
  readonly #known = new KnownHead()
  readonly #connections: ConnectionRegistry
  readonly #frames: FrameCache
  readonly #onError: (error: unknown) => void
  readonly #host: SubscriptionHost<Subscription>
  readonly #readers = new Set<LogReader>()
  readonly #readersByTopic = new TopicIndex<LogReader>()
  #isClosed = false

  constructor(options: DeliveryOptions) {
    const { settings, log, connections, dismissal, counters, reportOnce } = options
    const known = this.#known
    const frames = new FrameCache(settings.onError)
    this.#connections = connections
    this.#frames = frames
    this.#onError = settings.onError
    this.#host = {
      log,
      get head() {
        return known.position
      },
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
    rules: StartRules,
  ): Promise<PlannedStart | 204 | 410 | 503> {
    try {
      return await planStart(this.#host.log, this.#known, patterns, requested, rules)
    } catch (error) {
      this.#onError(error)
      return 503
    }
  }

  /** Reads the log within the process, from what `planStart` says. */
  read(
    patterns: readonly TopicPattern[],
    after: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<HubReading, undefined> {
    const { log } = this.#host
    const planning = planStart(log, this.#known, patterns, after)
    // The loop gets the error; there may be no loop.
    planning.catch(() => undefined)
    const register = (reader: LogReader): (() => void) => {
      for (const pattern of patterns) this.#readersByTopic.add(pattern, reader)
      this.#readers.add(reader)
      if (this.#isClosed) reader.close()
      return () => {
        for (const pattern of patterns) this.#readersByTopic.delete(pattern, reader)
        this.#readers.delete(reader)
      }
    }
    return new LogReader({ log, patterns, signal, register, head: () => this.head }).read(planning)
  }

  /** Resolves when what was appended up to there has been delivered; but waits no longer than this. */
  untilDelivered(position: Position, timeoutMs: number, runtime: Runtime): Promise<void> {
    return this.#known.until(position, timeoutMs, runtime)
  }

  /** Ends the readers. */
  close(): void {
    this.#isClosed = true
    for (const reader of this.#readers) reader.close()
  }

  /** The frame of an entry, made once for all subscriptions; null if it cannot be formatted. */
  frameOf(entry: LogEntry): Frame | null {
    return this.#frames.frameOf(entry)
  }

  open(sink: ByteSink, terms: SubscriptionTerms): Subscription {
    return new Subscription(sink, this.#host, terms)
  }

  appended(entry: LogEntry): void {
    this.#known.advance(entry.position)
    this.#frames.begin(entry)
    this.#connections.forEachOf(entry.topic, (subscription) => subscription.deliver(entry))
    this.#readersByTopic.forEach(entry.topic, (reader) => reader.wake())
  }

  restarted(head: Position): void {
    this.#known.restart(head)
    for (const subscription of this.#connections) subscription.restart(head)
    for (const reader of this.#readers) reader.restart(head)
  }

  skipped(position: Position): void {
    this.#known.advance(position)
    for (const subscription of this.#connections) subscription.readAgain()
    for (const reader of this.#readers) reader.wake()
  }
}
