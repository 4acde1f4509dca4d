import type { Runtime } from './runtime.ts'

/**
 * Calls back at a steady rate: a late call does not shift the later ones, and what a blocked loop or a sleeping
 * machine missed is left out, not made up for in a burst.
 *
 * @returns A function that stops it.
 */
export function every(intervalMs: number, callback: () => void, runtime: Runtime): () => void {
  let dueAt = runtime.now() + intervalMs
  let timer = runtime.setTimeout(run, intervalMs)

  function run(): void {
    const now = runtime.now()
    dueAt += intervalMs
    if (dueAt <= now) dueAt = now + intervalMs
    timer = runtime.setTimeout(run, Math.max(0, dueAt - now))
    callback()
  }

  return () => runtime.clearTimeout(timer)
}
