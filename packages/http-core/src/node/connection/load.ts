import type { Socket } from 'node:net'

/** Counts the requests in flight, for `maxRequestsInFlight` and `maxPipelinedRequests`. */
export class Load {
  /** How many requests have a response that has not ended. */
  requestsInFlight = 0
  readonly #waiting = new WeakMap<Socket, number>()

  /**
   * Counts a request that waits for its response. Node reads further requests of the connection meanwhile, unless response
   * data is waiting, so without a limit one client could have any number of requests in flight. A request that is answered
   * at once is not counted, so this costs ordinary requests nothing.
   */
  enter(socket: Socket): void {
    this.#waiting.set(socket, this.depth(socket) + 1)
  }

  leave(socket: Socket): void {
    this.#waiting.set(socket, this.depth(socket) - 1)
  }

  /** How many requests of the connection wait for their response. */
  depth(socket: Socket): number {
    return this.#waiting.get(socket) ?? 0
  }
}
