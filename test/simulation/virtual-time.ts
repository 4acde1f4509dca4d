/**
 * The world's clock: one queue of what is to happen, in order of its time, and no other passage of time.
 *
 *     timer due -> run -> all microtasks -> ends of the turn -> all microtasks -> the next timer
 *
 * It is not test-support's clock because of speed and turns: that one waits for a turn of the real event loop at every
 * timer, and looks through all timers for the next one.
 */
export interface VirtualTime {
  /** Milliseconds since the world began. */
  readonly nowMs: number
  /** Timers that are set and have neither fired nor been cleared. */
  readonly pendingTimers: number
  /** @param delayMs - Any number from 0; fractions are kept. */
  after(delayMs: number, callback: () => void): Timer
  /** @param dueMs - Now or later. What is set for the same instant runs in the order in which it was set. */
  at(dueMs: number, callback: () => void): Timer
  clear(timer: Timer): void
  /** Runs after everything that is ready now, including microtasks. */
  endOfTurn(callback: () => void): void
  /**
   * Lets time pass until `untilMs`, or until `isOver` holds, which is asked between any two timers. Rejects with what a
   * callback throws.
   */
  run(untilMs: number, isOver: () => boolean): Promise<void>
}

export interface Timer {
  readonly dueMs: number
  readonly order: number
  /** Null once it has fired or was cleared. */
  callback: (() => void) | null
}

// The event loop runs all immediates that are queued in one go, and all microtasks after each of them: so a batch costs
// one turn of the event loop instead of one for each step (0.3 us a step, against 2.1).
const stepsPerTurn = 64

// More tasks than this in one instant are an endless loop: a timer of 0 ms that sets itself again, say.
const maxStepsPerInstant = 100_000

export function createVirtualTime(): VirtualTime {
  const heap: Timer[] = []
  let nowMs = 0
  let order = 0
  let stepsAtInstant = 0
  let pendingTimers = 0
  let turnEnds: (() => void)[] = []

  function push(timer: Timer): void {
    let index = heap.push(timer) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent] as Timer
      if (!isBefore(timer, above)) break
      heap[index] = above
      index = parent
    }
    heap[index] = timer
  }

  function pop(): void {
    const last = heap.pop() as Timer
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, heap[child] as Timer)) child += 1
      if (!isBefore(heap[child] as Timer, last)) break
      heap[index] = heap[child] as Timer
      index = child
    }
    heap[index] = last
  }

  function at(dueMs: number, callback: () => void): Timer {
    if (!(dueMs >= nowMs)) throw new RangeError(`A timer needs a time from ${nowMs}, not ${dueMs}`)
    const timer = { dueMs, order: (order += 1), callback }
    pendingTimers += 1
    push(timer)
    return timer
  }

  /** The next timer that was not cleared. */
  function peek(): Timer | undefined {
    while (heap.length > 0 && heap[0]?.callback === null) pop()
    return heap[0]
  }

  /** @returns false when there is nothing more to do until then. */
  function step(untilMs: number, isOver: () => boolean): boolean {
    if (turnEnds.length > 0) {
      const callbacks = turnEnds
      turnEnds = []
      for (const callback of callbacks) callback()
      return true
    }
    if (isOver()) return false
    const timer = peek()
    if (timer === undefined || timer.dueMs > untilMs) {
      nowMs = untilMs
      return false
    }
    pop()
    stepsAtInstant = timer.dueMs === nowMs ? stepsAtInstant + 1 : 0
    if (stepsAtInstant > maxStepsPerInstant) throw new Error(`Time stands still at ${nowMs} ms`)
    nowMs = timer.dueMs
    pendingTimers -= 1
    const { callback } = timer
    timer.callback = null
    callback?.()
    return true
  }

  return {
    get nowMs() {
      return nowMs
    },
    get pendingTimers() {
      return pendingTimers
    },
    after(delayMs, callback) {
      if (!(delayMs >= 0)) throw new RangeError(`A timer needs a delay from 0, not ${delayMs}`)
      return at(nowMs + delayMs, callback)
    },
    at,
    clear(timer) {
      if (timer.callback === null) return
      timer.callback = null
      pendingTimers -= 1
    },
    endOfTurn(callback) {
      turnEnds.push(callback)
    },
    run(untilMs, isOver) {
      return new Promise((resolve, reject) => {
        let isRunning = true
        const runStep = (): void => {
          if (!isRunning) return
          try {
            isRunning = step(untilMs, isOver)
            if (!isRunning) resolve()
          } catch (error) {
            isRunning = false
            reject(error)
          }
        }
        const runTurn = (): void => {
          for (let count = 0; count < stepsPerTurn; count += 1) setImmediate(runStep)
          setImmediate(() => {
            if (isRunning) runTurn()
          })
        }
        runTurn()
      })
    },
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
}
