import { OldestKeys } from '../oldest-keys.ts'
import type { Runtime } from '../runtime.ts'
import type { ControlEntry } from './event-log.ts'

interface KeptEntry {
  readonly value: string
  readonly writtenAt: number
  readonly ttlMs: number
}

// Beyond it, the oldest are forgotten.
const maxEntries = 20_000

/** The control entries that a log in memory keeps, each for its time. */
export class ControlEntries {
  readonly #runtime: Runtime
  readonly #entries = new Map<string, KeptEntry>()
  readonly #oldest = new OldestKeys(this.#entries)

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  set(name: string, value: string, ttlMs: number): void {
    // Again, so that it is the newest.
    this.#entries.delete(name)
    if (ttlMs === 0) return
    this.#entries.set(name, { value, writtenAt: this.#runtime.now(), ttlMs })
    const oldest = this.#entries.size > maxEntries ? this.#oldest.next() : undefined
    if (oldest !== undefined) this.#entries.delete(oldest)
  }

  /** Those that are still kept. */
  list(prefix: string): readonly ControlEntry[] {
    const now = this.#runtime.now()
    const found: ControlEntry[] = []
    for (const [name, { value, writtenAt, ttlMs }] of this.#entries) {
      const ageMs = now - writtenAt
      if (ageMs >= ttlMs) this.#entries.delete(name)
      else if (name.startsWith(prefix)) found.push({ name, value, ageMs })
    }
    return found
  }
}
