import type { Timer, VirtualTime } from './virtual-time.ts'

// Beyond it a real timer fires after 1 ms.
const longestDelayMs = 2 ** 31 - 1

/** The timers of one actor: a process that crashes takes its own along, and one that has closed must have none. */
export interface ActorTimers {
  readonly pending: number
  readonly setTimeout: (callback: () => void, delayMs: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
  readonly endOfTurn: (callback: () => void) => void
  /** Nothing that was set runs any more, nor anything that will be. */
  readonly revoke: () => void
}

export function createActorTimers(time: VirtualTime, actor: string): ActorTimers {
  const timers = new Set<Timer>()
  let isRevoked = false
  return {
    get pending() {
      return timers.size
    },
    setTimeout(callback, delayMs) {
      if (!(delayMs >= 0 && delayMs <= longestDelayMs))
        throw new RangeError(`${actor} sets a timer of ${delayMs} ms, which no real one keeps`)
      if (isRevoked) return undefined
      const timer = time.after(delayMs, () => {
        timers.delete(timer)
        callback()
      })
      timers.add(timer)
      return timer
    },
    clearTimeout(timer) {
      if (timer !== undefined && timers.delete(timer as Timer)) time.clear(timer as Timer)
    },
    endOfTurn(callback) {
      time.endOfTurn(() => {
        if (!isRevoked) callback()
      })
    },
    revoke() {
      isRevoked = true
      for (const timer of timers) time.clear(timer)
      timers.clear()
    },
  }
}
