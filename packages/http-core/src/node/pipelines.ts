import type { Socket } from 'node:net'

/**
 * How many requests of each connection wait for their response.
 *
 * Node reads on while they do, as long as no response data waits: one client could put any number of requests in flight
 * on one connection. What is answered at once is not counted, so this costs ordinary requests nothing.
 */
export class Pipelines {
  readonly #waiting = new WeakMap<Socket, number>()

  enter(socket: Socket): void {
    this.#waiting.set(socket, this.depth(socket) + 1)
  }

  leave(socket: Socket): void {
    this.#waiting.set(socket, this.depth(socket) - 1)
  }

  depth(socket: Socket): number {
    return this.#waiting.get(socket) ?? 0
  }
}
