import type { Runtime } from '../runtime.ts'

/**
 * Starts to measure time, a machine's sleep included.
 *
 * On two clocks, since each of them may stand still: the monotonic one while the machine sleeps (on Linux), and the wall
 * clock when it is set back. A wall clock that is set forward looks like a sleep.
 *
 * @returns Gives the milliseconds since then.
 */
export function startStopwatch(runtime: Pick<Runtime, 'now' | 'wallClock'>): () => number {
  const startMs = runtime.now()
  const wallStartMs = runtime.wallClock()
  return () => Math.max(runtime.now() - startMs, runtime.wallClock() - wallStartMs)
}
