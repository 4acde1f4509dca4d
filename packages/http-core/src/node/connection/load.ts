import type { Socket } from 'node:net'

/** How many requests a server has in flight: what `maxRequestsInFlight` and `maxPipelinedRequests` limit. */
export class Load {
  /** Requests whose response has not ended. */
  requestsInFlight = 0
  readonly #waiting = new WeakMap<Socket, number>()

  /**
   * A request of this connection waits for its response. Node reads on while it does, as long as no response data waits:
   * one client could put any number of requests in flight on one connection. A request that is answered at once is not
   * counted, so this costs ordinary requests nothing.
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
