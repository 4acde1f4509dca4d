import type { Runtime } from '@sse-toolkit/sse-server'
import type { Database } from '../file/database.ts'
import type { Owner } from '../write/owners.ts'
import { topicsRunBy } from '../write/owners.ts'

interface Observed {
  readonly beat: number
  readonly silentMs: number
  readonly seenAt: number
}

export interface LeasesOptions {
  readonly owner: string
  readonly leaseMs: number
  readonly syncIntervalMs: number
  readonly runtime: Runtime
}

/**
 * The topics that this process runs, and the processes that run others.
 *
 * A process that runs topics counts in the file while it lives. Another one, which sees the number stand still for `leaseMs`
 * by its own clock, takes it for dead. So no two processes have to agree on the time.
 */
export class Leases {
  readonly #options: LeasesOptions
  readonly #topics = new Set<string>()
  #observed = new Map<string, Observed>()

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#topics.size === 0
  }

  keep(topic: string): void {
    this.#topics.add(topic)
  }

  drop(topic: string): void {
    this.#topics.delete(topic)
  }

  /** Compares with what the file says. @returns topics that this process is to stop running. */
  check(database: Database): readonly string[] {
    const running = new Map(
      topicsRunBy(database, this.#options.owner).map(({ topic, isCancelled }) => [topic, isCancelled === 1]),
    )
    const stopped: string[] = []
    for (const topic of this.#topics) {
      const isCancelled = running.get(topic)
      if (isCancelled === undefined) this.#topics.delete(topic)
      if (isCancelled !== false) stopped.push(topic)
    }
    return stopped
  }

  /** @returns those that are gone. */
  observe(owners: readonly Owner[]): readonly Owner[] {
    const { leaseMs, runtime, syncIntervalMs } = this.#options
    const now = runtime.now()
    const observed = new Map<string, Observed>()
    const gone: Owner[] = []
    for (const owner of owners) {
      if (owner.beat === null) {
        gone.push(owner)
        continue
      }
      const before = this.#observed.get(owner.id)
      const isSilent = before?.beat === owner.beat
      // This process may have stood still itself: then it has not watched.
      const watchedMs = before === undefined ? 0 : Math.min(now - before.seenAt, 2 * syncIntervalMs)
      const silentMs = isSilent ? before.silentMs + watchedMs : 0
      observed.set(owner.id, { beat: owner.beat, silentMs, seenAt: now })
      if (silentMs >= leaseMs) gone.push(owner)
    }
    this.#observed = observed
    return gone
  }
}
