import { HubClosedError } from '../errors/hub-closed-error.ts'
import type { Appended, AppendOptions, EventLog, LoggedEvent, ProducerSequence } from '../log/event-log.ts'
import { Pace } from '../pace.ts'
import type { Runtime } from '../runtime.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import type { TopicSchemas } from './hub-options.ts'
import type {
  BatchEvent,
  BatchOptions,
  HubEvent,
  PublishArguments,
  Published,
  PublishedBatch,
} from './publish-options.ts'
import type { HubCounters } from './hub-stats.ts'
import { producerOf } from './publication-rules.ts'
import type { PublicationRules } from './publication-rules.ts'

interface PublisherOptions {
  readonly log: EventLog
  readonly rules: PublicationRules
  readonly counters: HubCounters
  readonly runtime: Runtime
}

/** Checks what is published, appends it to the log, and counts it. */
export class Publisher {
  readonly #options: PublisherOptions
  // A log in memory answers within the turn: a loop that publishes would keep everything else from its turn.
  readonly #pace: Pace
  #isClosed = false

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#pace = new Pace(options.runtime)
  }

  async publish(...args: PublishArguments<TopicSchemas>): Promise<Published> {
    const event = this.#check(args)
    const producer = producerOf(args[2] ?? {})
    return producer === undefined ? this.append(event) : this.#appendOnce(event, producer)
  }

  /** Publishes what a run makes, while this process runs the topic. */
  async publishClaimed(topic: string, event: HubEvent): Promise<Published> {
    return this.append(this.#check([topic, event]), { onlyIfClaimed: true })
  }

  /** All are checked before the first is stored. */
  async publishMany(events: readonly PublishArguments<TopicSchemas>[]): Promise<readonly Published[]> {
    const checked = events.map((args) => [this.#check(args), producerOf(args[2] ?? {})] as const)
    return Promise.all(
      checked.map(([event, producer]) =>
        producer === undefined ? this.append(event) : this.#appendOnce(event, producer),
      ),
    )
  }

  /** All or none, once. */
  async publishBatch(
    topic: string,
    events: readonly BatchEvent<HubEvent>[],
    options: BatchOptions = {},
  ): Promise<PublishedBatch> {
    if (this.#isClosed) throw new HubClosedError()
    const batch = this.#options.rules.checkBatch(topic, events)
    const { position, stored } = await this.#appendBatch(batch, producerOf(options))
    const firstSeq = position.seq - batch.length + 1
    const ids = batch.map((_, index) => formatEventId({ epoch: position.epoch, seq: firstSeq + index }))
    return { ids, stored }
  }

  async append(event: LoggedEvent, options?: AppendOptions): Promise<Published> {
    const { log, counters, runtime } = this.#options
    const startedAt = runtime.now()
    const position = await log.append(event, options)
    counters.published += 1
    counters.countLag(runtime.now() - startedAt)
    const share = this.#pace.step()
    if (share !== undefined) await share
    return { id: formatEventId(position), stored: true }
  }

  async #appendOnce(event: LoggedEvent, producer: ProducerSequence): Promise<Published> {
    const { position, stored } = await this.#appendBatch([event], producer)
    return { id: formatEventId(position), stored }
  }

  async #appendBatch(
    batch: readonly LoggedEvent[],
    producer: ProducerSequence | undefined,
  ): Promise<Appended> {
    const { log, counters, runtime } = this.#options
    const startedAt = runtime.now()
    const appended = await log.appendBatch(batch, producer)
    if (appended.stored) {
      counters.published += batch.length
      counters.countLag(runtime.now() - startedAt)
    }
    const share = this.#pace.step()
    if (share !== undefined) await share
    return appended
  }

  /** From now on nothing is published; what the hub itself appends still is. */
  close(): void {
    this.#isClosed = true
  }

  #check(args: PublishArguments<TopicSchemas>): LoggedEvent {
    if (this.#isClosed) throw new HubClosedError()
    return this.#options.rules.check(...args)
  }
}
