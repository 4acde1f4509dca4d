/**
 * The source of clocks and timers. All code in this package uses a Runtime, so that tests can run the real code on a
 * virtual clock.
 */
export interface Runtime {
  /** Milliseconds on a clock that never goes back. Only differences between two values have a meaning. */
  now(): number
  /** Milliseconds since 1970, like `Date.now()`. This clock may jump. */
  wallClock(): number
  /** Runs `callback` once, after `delayMs` milliseconds. Pass the result to {@link Runtime.clearTimeout} to cancel it. */
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /**
   * Runs `callback` when the current turn of the event loop is over, that is, after everything that is ready now has run,
   * promises included.
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

/** Returns a runtime with the members of `given`, and the platform's for the others. */
export function completeRuntime(given: Partial<Runtime> | undefined): Runtime {
  if (given === undefined) return systemRuntime
  // Call the members as methods of `given`, because they may use `this`.
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
