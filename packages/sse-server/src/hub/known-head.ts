import type { Position } from '../wire-contract/event-id.ts'

/** How far into the log its hub has been notified. */
export class KnownHead {
  #position: Position = { epoch: '', seq: 0 }
  #restarts = 0

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
  }

  restart(head: Position): void {
    this.#position = head
    this.#restarts += 1
  }
}
