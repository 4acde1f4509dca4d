import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** How much a client may send after the last response of a connection before the server destroys the connection. */
const maxUnservedBytes = 1_048_576

/**
 * Reads and drops requests that follow a response with `Connection: close`. RFC 9112 section 9.6 forbids serving them. If the
 * server closed the connection with unread bytes, the kernel would reset it and could destroy the response.
 */
export class UnservedRequests {
  /** The number of bytes read from each connection when the first of these requests arrived. */
  readonly #readBefore = new WeakMap<Socket, number>()

  drop(message: IncomingMessage): void {
    const { socket } = message
    if (!this.#readBefore.has(socket)) this.#readBefore.set(socket, socket.bytesRead)
    this.#check(socket)
    message.on('data', () => {
      this.#check(socket)
    })
  }

  #check(socket: Socket): void {
    const before = this.#readBefore.get(socket) ?? 0
    if (socket.bytesRead - before > maxUnservedBytes) socket.destroy()
  }
}

/** Reads and drops everything that arrives on a connection whose last response is being sent, up to the same limit. */
export function dropAllBehind(socket: Socket): void {
  socket.on('data', beginToCount)
}

/** A shared listener: most clients send nothing more, so their connections should not need a counter each. */
function beginToCount(this: Socket, chunk: Uint8Array): void {
  let count = 0
  const drop = ({ byteLength }: Uint8Array): void => {
    count += byteLength
    if (count > maxUnservedBytes) this.destroy()
  }
  this.off('data', beginToCount).on('data', drop)
  drop(chunk)
}
