import { OldestKeys } from '../oldest-keys.ts'
import type { Runtime } from '../runtime.ts'
import type { LogEntry, TopicState, TopicStatus } from './event-log.ts'

type FiniteState =
  | { readonly state: 'running' }
  | { readonly state: 'ended'; readonly ending: LogEntry; readonly timer: unknown }

// Of how many finite topics it is remembered that their time is over: they are not run again.
const maxExpiredTopics = 100_000

/** Which topics of a log in memory were claimed, have ended, and have expired. See {@link TopicState}. */
export class FiniteStates {
  readonly #runtime: Runtime
  readonly #onExpired: (ending: LogEntry) => void
  readonly #states = new Map<string, FiniteState>()
  readonly #expired = new Set<string>()
  readonly #oldestExpired = new OldestKeys(this.#expired)

  constructor(runtime: Runtime, onExpired: (ending: LogEntry) => void) {
    this.#runtime = runtime
    this.#onExpired = onExpired
  }

  stateOf(topic: string): TopicState {
    return this.#states.get(topic)?.state ?? (this.#expired.has(topic) ? 'expired' : 'open')
  }

  statusOf(topic: string): TopicStatus {
    return { state: this.stateOf(topic), endSeq: this.endingOf(topic)?.position.seq }
  }

  /** The last event of a topic that has ended. */
  endingOf(topic: string): LogEntry | undefined {
    const finite = this.#states.get(topic)
    return finite?.state === 'ended' ? finite.ending : undefined
  }

  run(topic: string): void {
    this.#states.set(topic, { state: 'running' })
  }

  end(ending: LogEntry, ttlMs: number): void {
    const timer = this.#runtime.setTimeout(() => this.#expire(ending), ttlMs)
    this.#states.set(ending.topic, { state: 'ended', ending, timer })
  }

  close(): void {
    for (const finite of this.#states.values())
      if (finite.state === 'ended') this.#runtime.clearTimeout(finite.timer)
    this.#states.clear()
  }

  #expire(ending: LogEntry): void {
    this.#states.delete(ending.topic)
    this.#expired.add(ending.topic)
    const oldest = this.#expired.size > maxExpiredTopics ? this.#oldestExpired.next() : undefined
    if (oldest !== undefined) this.#expired.delete(oldest)
    this.#onExpired(ending)
  }
}
