import type { Runtime } from '../runtime.ts'

// What expires later is looked at again in a day; a timer takes no more than 25 days.
const longestTimerMs = 86_400_000

/** When an authorization ends. */
export class Expiry {
  readonly #expiresAt: number
  readonly #runtime: Runtime
  #timer: unknown = undefined

  private constructor(expiresAt: number, runtime: Runtime, onExpired: () => void) {
    this.#expiresAt = expiresAt
    this.#runtime = runtime
    this.#wait(onExpired)
  }

  /**
   * @param expiresAt - milliseconds since 1970.
   * @returns null for `Infinity`, which is never.
   */
  static of(expiresAt: number, runtime: Runtime, onExpired: () => void): Expiry | null {
    return expiresAt === Number.POSITIVE_INFINITY ? null : new Expiry(expiresAt, runtime, onExpired)
  }

  /** To be asked at each event, and not left to the timer: the wall clock may have jumped. */
  get isOver(): boolean {
    return this.#expiresAt <= this.#runtime.wallClock()
  }

  stop(): void {
    this.#runtime.clearTimeout(this.#timer)
  }

  #wait(onExpired: () => void): void {
    const leftMs = this.#expiresAt - this.#runtime.wallClock()
    this.#timer = this.#runtime.setTimeout(
      () => {
        if (this.isOver) onExpired()
        else this.#wait(onExpired)
      },
      Math.min(Math.max(leftMs, 0), longestTimerMs),
    )
  }
}
