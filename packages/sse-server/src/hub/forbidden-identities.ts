import { OldestKeys } from '../oldest-keys.ts'
import type { Runtime } from '../runtime.ts'

// How many identities are remembered as forbidden at once: beyond it, the oldest are forgotten.
const maxForbidden = 10_000

/** The identities that must not come back, each with the time until when. */
export class ForbiddenIdentities {
  readonly #runtime: Runtime
  readonly #until = new Map<string, number>()
  readonly #oldest = new OldestKeys(this.#until)

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Of two bans the longer one holds. */
  forbid(identity: string, durationMs: number): void {
    const until = Math.max(this.#runtime.now() + durationMs, this.#until.get(identity) ?? 0)
    this.#until.delete(identity)
    this.#until.set(identity, until)
    const oldest = this.#until.size > maxForbidden ? this.#oldest.next() : undefined
    if (oldest !== undefined) this.#until.delete(oldest)
  }

  allow(identity: string): void {
    this.#until.delete(identity)
  }

  /** For how many more milliseconds it is kept out; 0 if it is not forbidden. */
  remainingMs(identity: string): number {
    return Math.max(0, (this.#until.get(identity) ?? 0) - this.#runtime.now())
  }

  /** Those that are kept out, and for how many milliseconds more. */
  entries(): readonly (readonly [identity: string, remainingMs: number])[] {
    const now = this.#runtime.now()
    return [...this.#until]
      .filter(([, until]) => until > now)
      .map(([identity, until]) => [identity, until - now])
  }

  has(identity: string | undefined): boolean {
    const until = identity === undefined ? undefined : this.#until.get(identity)
    if (identity === undefined || until === undefined) return false
    if (until > this.#runtime.now()) return true
    this.#until.delete(identity)
    return false
  }
}
