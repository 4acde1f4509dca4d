/** Time as an argument, for what waits on real sockets. */
export interface Runtime {
  /** Milliseconds on a clock that never goes back. Only differences have a meaning. */
  now(): number
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

interface Timers {
  readonly setTimeout: (callback: () => void, delayMs: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
  readonly setImmediate?: (callback: () => void) => unknown
}

// Taken once: a deadline runs on the real clock, also while a test has replaced the timers by fake ones.
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: queueTask } = globalThis as Timers
const { performance: clock } = globalThis

/** The real clock, whatever a test does to the global timers. */
export const systemRuntime: Runtime = {
  now: () => clock.now(),
  setTimeout: (callback, delayMs) => startTimer(callback, delayMs),
  clearTimeout: (timer) => stopTimer(timer),
}

/** The global timers as they are at each call, so that fake timers of a test runner drive what they time. */
export const globalTimers: Pick<Runtime, 'setTimeout' | 'clearTimeout'> = {
  setTimeout: (callback, delayMs) => (globalThis as Timers).setTimeout(callback, delayMs),
  clearTimeout: (timer) => (globalThis as Timers).clearTimeout(timer),
}

/** Runs `callback` in a later turn of the event loop, after all microtasks, also those that microtasks queue. */
export function endOfTurn(callback: () => void): void {
  if (queueTask !== undefined) {
    queueTask(callback)
    return
  }
  // Browsers have no setImmediate, and hold timers of 0 ms back.
  const { port1, port2 } = new MessageChannel()
  port1.addEventListener('message', () => {
    port1.close()
    callback()
  })
  port1.start()
  port2.postMessage(undefined)
}
