import type { EventLog, LogEntry, TopicStatus } from '../log/event-log.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { isEndType, parseReserved } from '../wire-contract/reserved-events.ts'
import type { EndReason } from '../wire-contract/reserved-events.ts'

/** The topics whose end a reader has not had yet. Their readers are done when the last of them has ended. */
export class UnendedTopics {
  readonly #topics: Set<string> | undefined
  #isFinite: boolean | undefined
  // The worst that one of them has ended with.
  #reason: EndReason = 'completed'

  /**
   * @param statuses - undefined if there may always come more, as with patterns.
   * @param after - the reader's position.
   */
  constructor(
    patterns: readonly TopicPattern[],
    statuses: readonly TopicStatus[] | undefined,
    after: number,
  ) {
    const isAhead = ({ state, endSeq = 0 }: Omit<TopicStatus, 'lastSeq'>): boolean =>
      state === 'open' || state === 'running' || (state === 'ended' && endSeq > after)
    const ahead = patterns.filter((_, index) => isAhead(statuses?.[index] ?? { state: 'open' }))
    this.#topics = statuses === undefined ? undefined : new Set(ahead.map(({ text }) => text))
    this.#isFinite = statuses?.some(({ state }) => state !== 'open') === true || undefined
    if (statuses === undefined) this.#isFinite = false
  }

  /** Whether the reader has had them all. */
  get areOver(): boolean {
    return this.#topics?.size === 0
  }

  /** How the topics have ended that have: as `completed` only if all are. */
  get reason(): EndReason {
    return this.#reason
  }

  /**
   * Whether one of the topics was ever claimed or ended. Then the reader's stream is one that ends by itself, and must not
   * seem to before. Undefined if the log has to be asked.
   */
  get areFinite(): boolean | undefined {
    return this.#isFinite
  }

  /** Asks the log whether one of the topics has begun since. */
  async haveBegun(log: EventLog): Promise<boolean> {
    const statuses = await Promise.all([...(this.#topics ?? [])].map((topic) => log.status(topic)))
    return statuses.some(({ state }) => state !== 'open')
  }

  /** @returns whether the entry ends the last of the topics. */
  endBy({ topic, event, data }: LogEntry): boolean {
    if (this.#topics === undefined || !isEndType(event)) return false
    const said = parseReserved(event, data)
    if (said?.type === 'end' && said.reason !== 'completed') this.#reason = worse(said.reason, this.#reason)
    this.#isFinite = true
    this.#topics.delete(topic)
    return this.areOver
  }

  /**
   * Asks the log whether all of them expired before the reader came to their ends, which it can no longer get.
   *
   * @returns those topics; an empty list if more events may come.
   */
  async expired(log: EventLog): Promise<readonly string[]> {
    const topics = [...(this.#topics ?? [])]
    const statuses = await Promise.all(topics.map((topic) => log.status(topic)))
    if (!statuses.every(({ state }) => state === 'expired')) return []
    this.#reason = worse('expired', this.#reason)
    return topics
  }
}

/** Of two ends the one that says more of what is missing. */
export function worse(one: EndReason, other: EndReason): EndReason {
  const order: readonly EndReason[] = ['failed', 'interrupted', 'expired', 'cancelled', 'completed']
  return order.indexOf(one) < order.indexOf(other) ? one : other
}
