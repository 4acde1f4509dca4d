import { OldestKeys } from '../oldest-keys.ts'
import type { Runtime } from '../runtime.ts'
import type { LogEntry, TopicState } from './event-log.ts'

interface EndedTopic {
  readonly ending: LogEntry
  readonly timer: unknown
}

// Of how many finite topics it is remembered that their time is over: they are not run again.
const maxExpiredTopics = 100_000

/** Which topics of a log in memory were claimed, have ended, and have expired. See {@link TopicState}. */
export class FiniteStates {
  readonly #runtime: Runtime
  readonly #onExpired: (ending: LogEntry) => void
  readonly #running = new Set<string>()
  // In the order in which they ended.
  readonly #ended = new Map<string, EndedTopic>()
  readonly #expired = new Set<string>()
  readonly #oldestExpired = new OldestKeys(this.#expired)

  constructor(runtime: Runtime, onExpired: (ending: LogEntry) => void) {
    this.#runtime = runtime
    this.#onExpired = onExpired
  }

  stateOf(topic: string): TopicState {
    if (this.#running.has(topic)) return 'running'
    if (this.#ended.has(topic)) return 'ended'
    return this.#expired.has(topic) ? 'expired' : 'open'
  }

  /** The last event of a topic that has ended. */
  endingOf(topic: string): LogEntry | undefined {
    return this.#ended.get(topic)?.ending
  }

  run(topic: string): void {
    this.#running.add(topic)
  }

  end(ending: LogEntry, ttlMs: number): void {
    const timer = this.#runtime.setTimeout(() => this.#expire(ending), ttlMs)
    this.#running.delete(ending.topic)
    this.#ended.set(ending.topic, { ending, timer })
  }

  /** Expires the topic that ended first. @returns false if none has ended. */
  expireOldest(): boolean {
    const [oldest] = this.#ended.values()
    if (oldest === undefined) return false
    this.#runtime.clearTimeout(oldest.timer)
    this.#expire(oldest.ending)
    return true
  }

  close(): void {
    for (const { timer } of this.#ended.values()) this.#runtime.clearTimeout(timer)
    this.#ended.clear()
    this.#running.clear()
  }

  #expire(ending: LogEntry): void {
    this.#ended.delete(ending.topic)
    this.#expired.add(ending.topic)
    const oldest = this.#expired.size > maxExpiredTopics ? this.#oldestExpired.next() : undefined
    if (oldest !== undefined) this.#expired.delete(oldest)
    this.#onExpired(ending)
  }
}
