import { once } from 'node:events'
import { connect } from 'node:net'
import type { NetConnectOpts, Socket } from 'node:net'

/** A client that writes bytes and sees bytes: what the wire says, with nothing in between. */
export interface RawClient {
  readonly socket: Socket
  /** Everything that came so far, one character per byte. */
  readonly received: string
  send(bytes: string | Uint8Array): void
  /** Resolves with what came so far when it matches; rejects if the connection ends before. */
  until(pattern: string | RegExp): Promise<string>
  /** Resolves with everything when the server has closed the connection. */
  readonly closed: Promise<string>
  destroy(): void
}

export async function rawClient(target: number | NetConnectOpts): Promise<RawClient> {
  const socket = connect(typeof target === 'number' ? { port: target, host: '127.0.0.1' } : target)
  let received = ''
  const waiting = new Set<() => void>()
  const notify = (): void => {
    for (const check of waiting) check()
  }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    received += text
    notify()
  })
  // A reset is an end like any other here: what matters is what came before.
  socket.on('error', () => {})
  const closed = new Promise<string>((resolve) => {
    socket.once('close', () => {
      resolve(received)
      notify()
    })
  })
  await once(socket, 'connect')
  return {
    socket,
    get received() {
      return received
    },
    closed,
    send: (bytes) => {
      socket.write(bytes)
    },
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = typeof pattern === 'string' ? received.includes(pattern) : pattern.test(received)
          if (!found && !socket.destroyed) return
          waiting.delete(check)
          if (found) resolve(received)
          else
            reject(new Error(`The connection ended before ${String(pattern)}: ${JSON.stringify(received)}`))
        }
        waiting.add(check)
        check()
      }),
    destroy: () => {
      socket.destroy()
    },
  }
}

/** Sends bytes on a connection of their own and gives everything that came until the server closed it. */
export async function rawExchange(port: number, bytes: string | Uint8Array): Promise<string> {
  const client = await rawClient(port)
  client.send(bytes)
  return client.closed
}

/** The status codes of the responses in what was received, in order. */
export function statuses(received: string): number[] {
  return [...received.matchAll(/(?:^|\n|\})HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
}
