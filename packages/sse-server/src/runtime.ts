/**
 * Where time, timers and chance come from. Everything in this package takes them from here, so that tests and
 * simulations can run the real code on a virtual clock.
 */
export interface Runtime {
  /** Milliseconds on a clock that never goes back. Only differences have a meaning. */
  now(): number
  /** Milliseconds since 1970, as `Date.now()`. It may jump. */
  wallClock(): number
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /**
   * Runs `callback` when the current turn of the event loop is over: after everything that is ready now, promises
   * included, has run.
   */
  endOfTurn(callback: () => void): void
  /** A number from 0 up to, not including, 1. */
  random(): number
}

interface HostTimers {
  setImmediate?: (callback: () => void) => unknown
}

// `setImmediate` runs after the poll phase in which the events were published; the one runtime family without it
// (Workers) clamps no timer of 0 ms.
const { setImmediate } = globalThis as HostTimers

/** What Node's timers are, and Bun's and Deno's: an object that can hold the process open, or not. */
interface HoldingTimer {
  ref(): unknown
  unref(): unknown
}

function isHolding(timer: unknown): timer is HoldingTimer {
  return typeof timer === 'object' && timer !== null && 'ref' in timer && 'unref' in timer
}

/** The host's own clock, timers and chance. Timers do not hold the process open: the sockets they serve do. */
export const systemRuntime: Runtime = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  setTimeout: (callback, delayMs) => {
    const timer: unknown = setTimeout(callback, delayMs)
    if (isHolding(timer)) timer.unref()
    return timer
  },
  clearTimeout: (timer) => {
    // Node has a list of timers for each delay, and frees an empty one at once only if the timer that leaves it held
    // the process open; else it stays until its time would have come. Delays that depend on chance have a list each.
    if (isHolding(timer)) timer.ref()
    clearTimeout(timer as Parameters<typeof clearTimeout>[0])
  },
  endOfTurn: (callback) => {
    if (setImmediate === undefined) setTimeout(callback, 0)
    else setImmediate(callback)
  },
  random: () => Math.random(),
}
