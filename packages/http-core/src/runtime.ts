/**
 * The clock and the timers that a server runs on. Everything in this package that waits or tells the time takes them
 * from here, so that a test can hand in virtual ones.
 */
export interface Runtime {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls back once, after `delayMs` milliseconds. The answer is for {@link Runtime.clearTimeout}. */
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /** Calls back when what is ready in this turn of the event loop, promises included, has run. */
  endOfTurn(callback: () => void): void
}

/** The platform's own clock and timers: the default everywhere. */
export const systemRuntime: Runtime = {
  now: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => {
    clearTimeout(timer as Parameters<typeof clearTimeout>[0])
  },
  endOfTurn: (callback) => {
    setImmediate(callback)
  },
}
