/** The clock and the timers of the demo's server: the only place that touches the real ones. */
export interface Runtime {
  /** Milliseconds on a clock that never goes back. */
  now(): number
  /** Milliseconds since 1970. */
  wallClock(): number
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

export const systemRuntime: Runtime = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}
