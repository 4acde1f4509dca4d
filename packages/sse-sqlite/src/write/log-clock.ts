import type { Runtime } from '@sse-toolkit/sse-server'

/**
 * The log's time: milliseconds since 1970, the same for all its processes, and kept in the file, so that ages count while no
 * process runs. It never goes back. A wall clock that is set while the process runs does not move it.
 */
export class LogClock {
  readonly #runtime: Runtime
  #offset: number

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#offset = runtime.wallClock() - runtime.now()
  }

  /** @param stored - The time that the file bears: another process may be ahead. */
  now(stored: number): number {
    const own = Math.floor(this.#runtime.now() + this.#offset)
    if (stored > own) this.#offset += stored - own
    return Math.max(own, stored)
  }
}
