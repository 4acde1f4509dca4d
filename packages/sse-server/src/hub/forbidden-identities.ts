import { OldestKeys } from '../oldest-keys.ts'
import type { Runtime } from '../runtime.ts'

// How many identities are remembered as forbidden at once: beyond it, the oldest are forgotten.
const maxForbidden = 10_000

interface Ban {
  readonly until: number
  /** Which ban of this process it is, from 1. */
  readonly number: number
}

/** The identities that must not come back, each with the time until when. */
export class ForbiddenIdentities {
  readonly #runtime: Runtime
  // Also bans that are over: what was authorized before one must not be answered after it.
  readonly #bans = new Map<string, Ban>()
  readonly #oldest = new OldestKeys(this.#bans)
  #count = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** How many bans there were so far, for {@link hasSince}. */
  get count(): number {
    return this.#count
  }

  /** Of two bans the longer one holds. */
  forbid(identity: string, durationMs: number): void {
    if (durationMs > 0) this.#count += 1
    const until = Math.max(this.#runtime.now() + durationMs, this.#untilOf(identity))
    const number = durationMs > 0 ? this.#count : (this.#bans.get(identity)?.number ?? 0)
    this.#bans.delete(identity)
    this.#bans.set(identity, { until, number })
    const oldest = this.#bans.size > maxForbidden ? this.#oldest.next() : undefined
    if (oldest !== undefined) this.#bans.delete(oldest)
  }

  allow(identity: string): void {
    this.#bans.delete(identity)
  }

  /** For how many more milliseconds it is kept out; 0 if it is not forbidden. */
  remainingMs(identity: string): number {
    return Math.max(0, this.#untilOf(identity) - this.#runtime.now())
  }

  /** Those that are kept out, and for how many milliseconds more. */
  entries(): readonly (readonly [identity: string, remainingMs: number])[] {
    const now = this.#runtime.now()
    return [...this.#bans]
      .filter(([, { until }]) => until > now)
      .map(([identity, { until }]) => [identity, until - now])
  }

  has(identity: string | undefined): boolean {
    return identity !== undefined && this.#untilOf(identity) > this.#runtime.now()
  }

  /** Whether it is forbidden, or was at any time since there were `count` bans. */
  hasSince(identity: string | undefined, count: number): boolean {
    if (identity === undefined) return false
    return this.has(identity) || (this.#bans.get(identity)?.number ?? 0) > count
  }

  #untilOf(identity: string): number {
    return this.#bans.get(identity)?.until ?? 0
  }
}
