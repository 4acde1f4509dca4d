import type { Runtime } from '../runtime.ts'
import type { Position } from '../wire-contract/event-id.ts'

/** How far into the log its hub has been notified. */
export class KnownHead {
  #position: Position = { epoch: '', seq: 0 }
  #restarts = 0
  #onChange: (() => void) | undefined

  /** The newest position that the hub knows of; of no epoch before the first. */
  get position(): Position {
    return this.#position
  }

  /** How often the log has begun another epoch, as far as the hub knows. */
  get restarts(): number {
    return this.#restarts
  }

  advance(position: Position): void {
    this.#position = position
    this.#onChange?.()
  }

  restart(head: Position): void {
    this.#position = head
    this.#restarts += 1
    this.#onChange?.()
  }

  /** Resolves when the hub has been notified of the position, or it lies in an epoch that is over; or after the time. */
  async until({ epoch, seq }: Position, timeoutMs: number, runtime: Runtime): Promise<void> {
    const isReached = (): boolean => {
      const known = this.#position
      return known.epoch === epoch ? known.seq >= seq : known.epoch !== ''
    }
    if (isReached()) return
    await new Promise<void>((resolve) => {
      const timer = runtime.setTimeout(resolve, timeoutMs)
      this.#onChange = () => {
        if (!isReached()) return
        runtime.clearTimeout(timer)
        resolve()
      }
    })
    this.#onChange = undefined
  }
}
