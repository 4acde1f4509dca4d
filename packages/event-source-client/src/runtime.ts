/**
 * Time and chance, as an argument.
 *
 * Every timer, clock reading and random number of the client goes through this, so that a virtual clock drives the
 * whole client in tests and simulations. This module is the only place that touches the real ones.
 */
export interface Runtime {
  /** Wall-clock milliseconds since the Unix epoch; wall-clock, so that a machine's sleep counts as time passed. */
  now(): number
  /** `delayMs` is always an integer from 0 to 2^31 - 1. */
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /** Uniform in [0, 1). */
  random(): number
}

export const systemRuntime: Runtime = {
  now: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  random: () => Math.random(),
}
