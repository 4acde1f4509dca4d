import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** So much may a client send behind the last response of a connection; then the connection is destroyed. */
const maxUnservedBytes = 1_048_576

/**
 * Reads what comes behind a response that said `Connection: close`. RFC 9112 section 9.6 forbids to serve it, and to close on
 * unread bytes would reset the connection, with the response that is still on its way.
 */
export class UnservedRequests {
  /** What had been read of each connection when the first of these requests came. */
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

/** Reads and drops what comes on a connection whose last response is being sent: up to the same limit. */
export function dropAllBehind(socket: Socket): void {
  socket.on('data', beginToCount)
}

/** One function for all: most clients send nothing more, and their connections should not pay for a count. */
function beginToCount(this: Socket, chunk: Uint8Array): void {
  let count = 0
  const drop = ({ byteLength }: Uint8Array): void => {
    count += byteLength
    if (count > maxUnservedBytes) this.destroy()
  }
  this.off('data', beginToCount).on('data', drop)
  drop(chunk)
}
