import { shorten } from '../errors/shorten.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Runtime } from '../runtime.ts'
import { isTopic } from '../topics/topic.ts'
import { isPatternOnly, matchesTopic, parseTopicPattern } from '../topics/topic-pattern.ts'
import type { ConnectionRegistry } from './connection-registry.ts'
import type { ConnectionFilter, PresentConnection } from './hub-options.ts'

const prefix = 'presence '

// A process that has written nothing for so many intervals is gone.
const missedIntervals = 3

interface Summary {
  readonly node: string
  readonly connections: readonly (readonly [
    identity: string | null,
    topics: readonly string[],
    openedAt: number,
  ])[]
}

interface PresenceOptions {
  readonly log: EventLog
  /** What the application calls this process. Two may be called the same. */
  readonly node: string
  /** A word that no other hub has. */
  readonly name: string
  /** 0: nothing is written. */
  readonly intervalMs: number
  readonly runtime: Runtime
  readonly connections: ConnectionRegistry
  readonly onError: (error: unknown) => void
}

/**
 * Says to the other processes on the log which connections there are here, and to this one which there are elsewhere.
 *
 * While a process has connections, it writes a summary of them at each interval. The log keeps it to be looked up, and does not
 * announce it.
 */
export class Presence {
  readonly #options: PresenceOptions
  #timer: unknown = undefined
  #isWriting = false
  #isClosed = false

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  /** A connection was opened: the first one after a quiet time is reported soon. */
  joined(): void {
    if (this.#timer === undefined && !this.#isWriting) this.#schedule(0)
  }

  async describe(filter: ConnectionFilter): Promise<readonly PresentConnection[]> {
    const { log } = this.#options
    const entries = await log.controls(prefix)
    // About its own connections a process knows more than it wrote.
    const others = entries
      .filter(({ name }) => name !== this.#entryName)
      .map(({ value }) => this.#parse(value))
    return [this.#summary(), ...others].flatMap((summary) =>
      (summary?.connections ?? [])
        .map(([identity, topics, openedAt]) => ({
          identity: identity ?? undefined,
          topics,
          node: summary?.node ?? '',
          openedAt,
        }))
        .filter((each) => isMeant(each, filter)),
    )
  }

  /** Takes back what was written. */
  async close(): Promise<void> {
    this.#isClosed = true
    const hasWritten = this.#timer !== undefined || this.#isWriting
    this.#options.runtime.clearTimeout(this.#timer)
    if (hasWritten) await this.#write(0)
  }

  #schedule(delayMs: number): void {
    const { runtime, intervalMs } = this.#options
    if (intervalMs === 0 || this.#isClosed) return
    this.#timer = runtime.setTimeout(() => {
      this.#timer = undefined
      void this.#round()
    }, delayMs)
  }

  async #round(): Promise<void> {
    const { intervalMs, connections } = this.#options
    this.#isWriting = true
    const isEmpty = connections.size === 0
    await this.#write(isEmpty ? 0 : intervalMs * missedIntervals)
    this.#isWriting = false
    if (!isEmpty || connections.size > 0) this.#schedule(intervalMs)
  }

  async #write(ttlMs: number): Promise<void> {
    const { log, onError } = this.#options
    const value = ttlMs === 0 ? '' : JSON.stringify(this.#summary())
    try {
      await log.control(this.#entryName, value, { ttlMs, notify: false })
    } catch (error) {
      onError(error)
    }
  }

  get #entryName(): string {
    return `${prefix}${this.#options.name}`
  }

  /** @returns undefined, after reporting it, for anything else than a summary: the other process may run another release. */
  #parse(value: string): Summary | undefined {
    try {
      const summary: unknown = JSON.parse(value)
      if (isSummary(summary)) return summary
      throw new TypeError(`What another process says of its connections is not understood: ${shorten(value)}`)
    } catch (error) {
      this.#options.onError(error)
      return undefined
    }
  }

  #summary(): Summary {
    const { node, connections, runtime } = this.#options
    const beganAt = runtime.wallClock() - runtime.now()
    return {
      node,
      connections: [...connections].map(({ identity, patterns, openedAt }) => [
        identity ?? null,
        patterns.map(({ text }) => text),
        Math.round(beganAt + openedAt),
      ]),
    }
  }
}

function isSummary(value: unknown): value is Summary {
  if (typeof value !== 'object' || value === null) return false
  const { node, connections } = value as Partial<Summary>
  return typeof node === 'string' && Array.isArray(connections) && connections.every(isEntry)
}

function isEntry(value: unknown): boolean {
  if (!Array.isArray(value)) return false
  const [identity, topics, openedAt] = value as readonly unknown[]
  return (
    (identity === null || typeof identity === 'string') &&
    Array.isArray(topics) &&
    topics.every((topic) => isTopic(topic) || isPatternOnly(topic)) &&
    typeof openedAt === 'number'
  )
}

function isMeant({ identity, topics }: PresentConnection, filter: ConnectionFilter): boolean {
  const { topic } = filter
  if (filter.identity !== undefined && filter.identity !== identity) return false
  return topic === undefined || topics.some((text) => matchesTopic(parseTopicPattern(text), topic))
}
