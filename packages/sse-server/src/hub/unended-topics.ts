import type { EventLog, LogEntry, TopicStatus } from '../log/event-log.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { isEndType } from '../wire-contract/reserved-events.ts'

/** The topics whose end a reader has not had yet. Their readers are done when the last of them has ended. */
export class UnendedTopics {
  readonly #topics: Set<string> | undefined

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
  }

  /** Whether the reader has had them all. */
  get areOver(): boolean {
    return this.#topics?.size === 0
  }

  /** @returns whether the entry ends the last of the topics. */
  endBy({ topic, event }: LogEntry): boolean {
    if (this.#topics === undefined || !isEndType(event)) return false
    this.#topics.delete(topic)
    return this.areOver
  }

  /** Whether the time of all was over before the reader came to their end, which will not come any more. */
  async haveExpired(log: EventLog): Promise<boolean> {
    if (this.#topics === undefined) return false
    const statuses = await Promise.all([...this.#topics].map((topic) => log.status(topic)))
    return statuses.every(({ state }) => state === 'expired')
  }
}
