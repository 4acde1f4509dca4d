import { runtime } from '../runtime.ts'

/** Aborts when the shell interrupts, or the time is over. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal
  readonly isOver: boolean
}

export function startDeadline(durationMs: number | undefined, interruption: AbortSignal): Deadline {
  const time = new AbortController()
  const timer = durationMs === undefined ? undefined : runtime.setTimeout(() => time.abort(), durationMs)
  return {
    signal: AbortSignal.any([time.signal, interruption]),
    get isOver() {
      return time.signal.aborted
    },
    [Symbol.dispose]: () => runtime.clearTimeout(timer),
  }
}
