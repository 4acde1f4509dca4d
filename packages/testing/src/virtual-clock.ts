import { ClockError } from './errors/clock-error.ts'
import { OptionError } from './errors/option-error.ts'
import { endOfTurn } from './runtime.ts'

/** The longest delay a real timer can hold; beyond it, a real `setTimeout` fires after 1 ms. */
const maxDelayMs = 2 ** 31 - 1

export interface VirtualClockOptions {
  /** What `now()` shows at the start, in milliseconds. @defaultValue 0 */
  readonly startMs?: number
  /** What `wallClock()` shows at the start, in milliseconds since 1970. @defaultValue 2026-01-01T00:00:00Z */
  readonly wallClockStartMs?: number
  /** Gives the random numbers, from 0 up to, not including, 1. @defaultValue always 0.5 */
  readonly random?: () => number
}

/**
 * A clock that the test moves. It has the members of the `runtime` option of our packages: `createHub({ runtime: clock })`.
 *
 * The functions need no `this`: `{ setTimeout: clock.setTimeout }` works.
 */
export interface VirtualClock {
  /** Virtual milliseconds. */
  readonly now: () => number
  /** Virtual milliseconds since 1970. */
  readonly wallClock: () => number
  /**
   * @returns A handle for `clearTimeout`.
   * @throws {@link OptionError} `code: 'invalid-option'` for a delay that a real timer would not keep (negative, NaN, above
   *   2^31 - 1): in reality such code runs in a hot loop.
   */
  readonly setTimeout: (callback: () => void, delayMs: number) => number
  /** Ignores a handle that is unknown, has fired, or is undefined, as the platform does. */
  readonly clearTimeout: (timer: unknown) => void
  /** Runs `callback` when the real turn of the event loop is over. No virtual time passes. */
  readonly endOfTurn: (callback: () => void) => void
  readonly random: () => number
  /** Timers that were set and have neither fired nor been cleared. */
  readonly pendingTimers: number
  /** When the next timer is due, on this clock; undefined if no timer is set. */
  readonly nextTimerAt: number | undefined
  /**
   * Moves time on. Timers fire in order of their time, and timers of the same time in the order in which they were set. So do
   * timers that these timers set, if they are due by then. All microtasks run out before the first timer, between two
   * timers, and after the last.
   *
   * @throws What a timer throws; {@link ClockError} `code: 'clock-busy'` during another call; {@link OptionError} for a duration
   *   that is negative or not finite.
   */
  advance(durationMs: number): Promise<void>
  /** Moves time to the next timer and fires it. Resolves to false, and no time passes, if no timer is set. */
  advanceToNextTimer(): Promise<boolean>
}

interface Timer {
  readonly id: number
  readonly dueAt: number
  readonly callback: () => void
}

/**
 * Creates a clock that moves only when the test moves it.
 *
 * A test runner's fake timers replace the timers of the whole process, sockets and libraries included. Use this clock where
 * only one hub, client or server should run on virtual time; use fake timers for components.
 *
 * @example
 * ```ts
 * import { createVirtualClock } from '@sse-toolkit/testing'
 *
 * const clock = createVirtualClock()
 * const firedAt: number[] = []
 * clock.setTimeout(() => firedAt.push(clock.now()), 1_000)
 * await clock.advance(5_000)
 * firedAt // [1000]
 * clock.now() // 5000
 * ```
 */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const { startMs = 0, wallClockStartMs = Date.UTC(2026, 0), random = () => 0.5 } = options
  let nowMs = startMs
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
    if (state === 'advancing') throw new ClockError()
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
    wallClock: () => wallClockStartMs + nowMs - startMs,
    endOfTurn,
    random,
    setTimeout(callback, delayMs) {
      if (!(delayMs >= 0 && delayMs <= maxDelayMs))
        throw new OptionError('delayMs', delayMs, `milliseconds from 0 to ${maxDelayMs}`)
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
        throw new OptionError('durationMs', durationMs, 'finite milliseconds from 0')
      const endMs = nowMs + durationMs
      await runUntil(endMs, Infinity)
      nowMs = endMs
    },
    async advanceToNextTimer() {
      return (await runUntil(Infinity, 1)) === 1
    },
  }
}

/** A turn of the real event loop ends only after every microtask, also those that microtasks queue. */
function settleMicrotasks(): Promise<void> {
  return new Promise(endOfTurn)
}
