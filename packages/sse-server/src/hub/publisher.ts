import { HubClosedError } from '../errors/hub-closed-error.ts'
import type { EventLog, LoggedEvent } from '../log/event-log.ts'
import type { Runtime } from '../runtime.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import type { PublishArguments, TopicSchemas } from './hub-options.ts'
import type { HubCounters } from './hub-stats.ts'
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
  #isClosed = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  async publish(...args: PublishArguments<TopicSchemas>): Promise<{ readonly id: string }> {
    return this.append(this.#check(args))
  }

  /** All are checked before the first is stored. */
  async publishMany(
    events: readonly PublishArguments<TopicSchemas>[],
  ): Promise<readonly { readonly id: string }[]> {
    return Promise.all(events.map((args) => this.#check(args)).map((event) => this.append(event)))
  }

  async append(event: LoggedEvent): Promise<{ readonly id: string }> {
    const { log, counters, runtime } = this.#options
    const startedAt = runtime.now()
    const position = await log.append(event)
    counters.published += 1
    counters.countLag(runtime.now() - startedAt)
    return { id: formatEventId(position) }
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
