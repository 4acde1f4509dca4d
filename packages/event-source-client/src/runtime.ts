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
  /** Runs the callback as a task of its own, soon. Absent: by `setTimeout`. */
  queueTask?(callback: () => void): void
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

/** Runs the callback as a task of its own. Not by a timer: browsers hold those of hidden pages back, up to a minute. */
export function queueTask(runtime: Runtime, callback: () => void): void {
  const { setImmediate: queue } = globalThis as { setImmediate?: (task: () => void) => unknown }
  if (runtime.queueTask) runtime.queueTask(callback)
  else if (runtime !== systemRuntime) runtime.setTimeout(callback, 0)
  else if (queue) queue(callback)
  else {
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      callback()
    })
    port1.start()
    port2.postMessage(0)
  }
}
