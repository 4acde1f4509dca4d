import { Batch } from './frame.ts'
import type { Runtime } from '../runtime.ts'

/** Something that writes once, at the end of the turn. `flush` must not throw. */
export interface Flushable {
  flush(): void
}

/**
 * One turn of the event loop: all that connections are sent during it leaves them as one write each.
 */
export class Turn {
  readonly #runtime: Runtime
  #root: Batch = Batch.root()
  #flushables: Flushable[] = []
  #scheduled = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Where the batches of this turn begin. */
  get root(): Batch {
    return this.#root
  }

  flushAtEnd(flushable: Flushable): void {
    this.#flushables.push(flushable)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#runtime.endOfTurn(this.#end)
  }

  readonly #end = (): void => {
    const flushables = this.#flushables
    this.#scheduled = false
    this.#flushables = []
    // A new root: the frames of this turn must not stay reachable from the next.
    this.#root = Batch.root()
    for (const flushable of flushables) flushable.flush()
  }
}
