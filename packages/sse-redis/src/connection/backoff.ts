import type { Runtime } from '@sse-toolkit/sse-server'

// The longest wait between two attempts to connect. Half of it is random, so that the processes of a hub do not come back
// together.
const maxDelayMs = 500

/** The wait before the next attempt, after this many failed. */
function reconnectDelayMs(failures: number, runtime: Pick<Runtime, 'random'>): number {
  const delayMs = Math.min(maxDelayMs, 25 * 2 ** Math.min(failures - 1, 10))
  return delayMs * (0.5 + 0.5 * runtime.random())
}

/** The wait before the next attempt, which grows with each failure. */
export class Backoff {
  readonly #runtime: Runtime
  #failures = 0
  #timer: unknown = undefined

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Calls back when it is time for the next attempt. */
  schedule(attempt: () => void): void {
    this.cancel()
    this.#failures += 1
    this.#timer = this.#runtime.setTimeout(attempt, reconnectDelayMs(this.#failures, this.#runtime))
    // An open connection keeps the process alive, so the wait for one must too.
    if (isHolding(this.#timer)) this.#timer.ref()
  }

  succeeded(): void {
    this.#failures = 0
  }

  cancel(): void {
    this.#runtime.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

/** A timer of Node, which can hold the process open. */
function isHolding(timer: unknown): timer is { ref(): unknown } {
  return typeof timer === 'object' && timer !== null && 'ref' in timer
}
