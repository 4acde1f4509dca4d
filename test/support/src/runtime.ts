/**
 * Time as an argument. The proxy and the process helper work on real sockets and processes, so this real clock is
 * their default; a test of their own may hand in another.
 */
export interface Runtime {
  /** Milliseconds of a clock that never goes back. */
  now(): number
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

export const systemRuntime: Runtime = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}
