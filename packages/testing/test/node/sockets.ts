import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** One end of a TCP connection that notes everything which arrives. */
export interface Peer {
  readonly socket: Socket
  /** All bytes so far, as latin1: one character each. */
  readonly text: string
  /** The size of each read. */
  readonly reads: readonly number[]
  readonly end: 'none' | 'fin' | 'rst'
  /** Resolves once `text` has this length. */
  untilLength(length: number): Promise<void>
  /** Resolves with how the other side ended. */
  ended(): Promise<'fin' | 'rst'>
}

function observe(socket: Socket): Peer {
  let text = ''
  let end: Peer['end'] = 'none'
  const reads: number[] = []
  const waiting = new Set<() => void>()
  const changed = (): void => waiting.forEach((check) => check())
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    reads.push(bytes.length)
    changed()
  })
  socket.on('end', () => {
    end = 'fin'
    changed()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error
    end = 'rst'
    changed()
  })
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })
  return {
    socket,
    get text() {
      return text
    },
    reads,
    get end() {
      return end
    },
    untilLength: (length) => until(() => text.length >= length),
    async ended() {
      await until(() => end !== 'none')
      return end === 'rst' ? 'rst' : 'fin'
    },
  }
}

export interface Target extends AsyncDisposable {
  readonly port: number
  readonly server: Server
  /** The next connection that was not yet given out. */
  nextPeer(): Promise<Peer>
}

/** A TCP server that only listens; both halves of its sockets end when the test says so. */
export async function startTarget(): Promise<Target> {
  const arrived: Peer[] = []
  const waiting: ((peer: Peer) => void)[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    const peer = observe(socket)
    const waiter = waiting.shift()
    if (waiter === undefined) arrived.push(peer)
    else waiter(peer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    server,
    nextPeer() {
      const peer = arrived.shift()
      return peer === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(peer)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/**
 * @param reading - `'byte-by-byte'` sees a reset right behind data on every Node: a read that does not fill its buffer makes the
 * libuv of Node 22 take that reset for a FIN.
 */
export async function dial(
  port: number,
  reading: 'as-it-comes' | 'byte-by-byte' = 'as-it-comes',
): Promise<Peer> {
  const target = { host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true }
  if (reading === 'as-it-comes') {
    const socket = connect(target)
    await once(socket, 'connect')
    return observe(socket)
  }
  const socket = connect({
    ...target,
    onread: {
      buffer: Buffer.alloc(1),
      callback: (_count, bytes) => {
        socket.emit('data', Buffer.from(bytes))
        return true
      },
    },
  })
  await once(socket, 'connect')
  return observe(socket)
}
