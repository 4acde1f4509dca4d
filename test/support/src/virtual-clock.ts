import { InvalidOptionError } from './errors/invalid-option-error.ts'

/** The longest delay a real timer can hold; beyond it, a real `setTimeout` fires after 1 ms. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** Its functions stand alone: `{ setTimeout: clock.setTimeout }` is fine. */
export interface VirtualClock {
  /** Virtual milliseconds; 0 at the start unless told otherwise. */
  readonly now: () => number
  /**
   * @returns A handle for `clearTimeout`.
   * @throws {@link InvalidOptionError} for a delay that a real timer would not keep (negative, NaN, above 2^31 - 1):
   *   code that relies on it hot-loops in reality.
   */
  readonly setTimeout: (callback: () => void, delayMs: number) => number
  /** A handle that is unknown, fired, or undefined is ignored, as the platform's does. */
  readonly clearTimeout: (timer: unknown) => void
  /** Timers that are set and have neither fired nor been cleared. */
  readonly pendingTimers: number
  /** When the next timer is due, on this clock; undefined when there is none. */
  readonly nextTimerAt: number | undefined
  /**
   * Moves time on. Timers fire in order of their time, those of one time in order of setting; timers that they set
   * and that are due by then fire as well. Before the first, between any two and after the last, all microtasks run
   * out.
   */
  advance(durationMs: number): Promise<void>
  /** Advances to the next timer and fires it. False, and no time passes, when there is none. */
  advanceToNextTimer(): Promise<boolean>
}

interface Timer {
  readonly id: number
  readonly dueAt: number
  readonly callback: () => void
}

/**
 * A clock that only moves when told to.
 *
 * @example
 * ```ts
 * const clock = createVirtualClock()
 * clock.setTimeout(() => console.log(clock.now()), 1_000)
 * await clock.advance(5_000) // prints 1000
 * ```
 */
export function createVirtualClock(options: { startMs?: number } = {}): VirtualClock {
  let nowMs = options.startMs ?? 0
  let nextId = 1
  let state: 'resting' | 'advancing' = 'resting'
  const timers = new Map<number, Timer>()

  /** Map order is the order of setting, so the first of the earliest is the one. */
  function nextTimer(): Timer | undefined {
    let next: Timer | undefined
    for (const timer of timers.values()) if (next === undefined || timer.dueAt < next.dueAt) next = timer
    return next
  }

  async function runUntil(endMs: number, limit: number): Promise<number> {
    if (state === 'advancing')
      throw new Error('the virtual clock is being advanced already; await that call first')
    state = 'advancing'
    let fired = 0
    try {
      await settleMicrotasks()
      for (;;) {
        const timer = nextTimer()
        if (timer === undefined || timer.dueAt > endMs || fired === limit) break
        timers.delete(timer.id)
        nowMs = Math.max(nowMs, timer.dueAt)
        fired += 1
        timer.callback()
        await settleMicrotasks()
      }
      return fired
    } finally {
      state = 'resting'
    }
  }

  return {
    now: () => nowMs,
    setTimeout(callback, delayMs) {
      if (!(delayMs >= 0 && delayMs <= MAX_DELAY_MS))
        throw new InvalidOptionError('delayMs', delayMs, `milliseconds from 0 to ${MAX_DELAY_MS}`)
      const id = nextId
      nextId += 1
      timers.set(id, { id, dueAt: nowMs + delayMs, callback })
      return id
    },
    clearTimeout(timer) {
      timers.delete(timer as number)
    },
    get pendingTimers() {
      return timers.size
    },
    get nextTimerAt() {
      return nextTimer()?.dueAt
    },
    async advance(durationMs) {
      if (!(durationMs >= 0 && durationMs < Infinity))
        throw new InvalidOptionError('durationMs', durationMs, 'finite milliseconds from 0')
      const endMs = nowMs + durationMs
      await runUntil(endMs, Infinity)
      nowMs = endMs
    },
    async advanceToNextTimer() {
      return (await runUntil(Infinity, 1)) === 1
    },
  }
}

/** A turn of the real event loop comes only after every microtask, also those that microtasks queue. */
function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
