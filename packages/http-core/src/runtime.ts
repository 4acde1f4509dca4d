/**
 * Where time and timers come from. Everything in this package takes them from here, so that tests can run the real code
 * on a virtual clock.
 */
export interface Runtime {
  /** Milliseconds on a clock that never goes back. Only differences have a meaning. */
  now(): number
  /** Milliseconds since 1970, as `Date.now()`. It may jump. */
  wallClock(): number
  /** Runs `callback` once, after `delayMs` milliseconds. The result is for {@link Runtime.clearTimeout}. */
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /**
   * Runs `callback` when the current turn of the event loop is over: after everything that is ready now, promises
   * included, has run.
   */
  endOfTurn(callback: () => void): void
}

/** The platform's own clocks and timers: the default everywhere. */
export const systemRuntime: Runtime = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => {
    clearTimeout(timer as Parameters<typeof clearTimeout>[0])
  },
  endOfTurn: (callback) => {
    setImmediate(callback)
  },
}

/** The platform's runtime, with the members of `given` in place of its own. */
export function completeRuntime(given: Partial<Runtime> | undefined): Runtime {
  if (given === undefined) return systemRuntime
  // Called as methods of `given`, which may be an object that counts on its `this`.
  return {
    now: () => given.now?.() ?? systemRuntime.now(),
    wallClock: () => given.wallClock?.() ?? systemRuntime.wallClock(),
    setTimeout: (callback, delayMs) =>
      given.setTimeout === undefined
        ? systemRuntime.setTimeout(callback, delayMs)
        : given.setTimeout(callback, delayMs),
    clearTimeout: (timer) => {
      if (given.clearTimeout === undefined) systemRuntime.clearTimeout(timer)
      else given.clearTimeout(timer)
    },
    endOfTurn: (callback) => {
      if (given.endOfTurn === undefined) systemRuntime.endOfTurn(callback)
      else given.endOfTurn(callback)
    },
  }
}
