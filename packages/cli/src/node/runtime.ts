/** The clock and the timers of the commands: the only place that touches the real ones. */
export const runtime = {
  /** Milliseconds on a clock that never goes back. */
  now: (): number => performance.now(),
  /** Milliseconds since 1970, with fractions. */
  wallClock: (): number => performance.timeOrigin + performance.now(),
  setTimeout: (callback: () => void, delayMs: number): unknown => setTimeout(callback, delayMs),
  clearTimeout: (timer: unknown): void => clearTimeout(timer as ReturnType<typeof setTimeout>),
}
