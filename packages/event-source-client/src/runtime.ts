/**
 * Time and chance, as an argument.
 *
 * Every timer, clock reading and random number of the client goes through this, so that a virtual clock drives the
 * whole client in tests and simulations. This module is the only place that touches the real ones.
 */
export interface Runtime {
  /** Milliseconds on a clock that never goes back. Only differences have a meaning. */
  now(): number
  /** Milliseconds since 1970, as `Date.now()`. It may jump, and goes on while the machine sleeps. */
  wallClock(): number
  /** `delayMs` is always an integer from 0 to 2^31 - 1. */
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /** A number from 0 up to, not including, 1. */
  random(): number
}

/** The longest delay that `setTimeout` keeps; a longer one fires after 1 ms, which would make a hot loop. */
export const maxTimerMs: number = 2 ** 31 - 1

export const systemRuntime: Runtime = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  random: () => Math.random(),
}
