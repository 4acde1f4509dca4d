import type { Runtime } from './runtime.ts'

// A turn of the event loop lasts no longer than this, as far as steps are short. A clock that does not move counts steps.
const stepsPerTurn = 256
const budgetMs = 10
// How often the clock is read: reading it costs as much as a short step.
const stepsPerLook = 16

/**
 * Lets the event loop turn between the steps of a loop that may never have to wait. Such a loop runs in microtasks only:
 * no timer, no socket and no signal gets its turn until it ends.
 */
export class Pace {
  readonly #runtime: Runtime
  #steps = 0
  #turnBeganAt: number

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#turnBeganAt = runtime.now()
  }

  /** Counts a step. @returns what to wait for if the loop has had its share of the turn. */
  step(): Promise<void> | undefined {
    this.#steps += 1
    const isOver =
      this.#steps >= stepsPerTurn ||
      (this.#steps % stepsPerLook === 0 && this.#runtime.now() - this.#turnBeganAt >= budgetMs)
    if (!isOver) return undefined
    this.#steps = 0
    return new Promise((resolve) => {
      this.#runtime.endOfTurn(() => {
        this.#turnBeganAt = this.#runtime.now()
        resolve()
      })
    })
  }
}
