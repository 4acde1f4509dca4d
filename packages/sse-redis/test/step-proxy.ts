import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** A step of opening a connection: the command that the client sends in it, or `connect`, before it sends anything. */
export type Step = 'connect' | 'HELLO' | 'SSUBSCRIBE' | 'EVALSHA'

export interface StepProxy extends AsyncDisposable {
  readonly url: string
  /** How many connections were harmed. */
  readonly struck: number
  /** Connections of clients that are open now. */
  readonly connections: number
  /** Lets connections that are opened from now on pass. Those that were swallowed stay so. */
  heal(): void
  /** Harms every connection that takes the step from now on, and cuts those that are open. */
  harm(): void
}

/**
 * A port that leads to Redis, until a connection takes a step: then the connection is cut, or swallowed. What is swallowed
 * stays open, and nothing is ever answered.
 */
export async function startStepProxy(options: {
  readonly port: number
  readonly step: Step
  readonly fault: 'cut' | 'swallow'
}): Promise<StepProxy> {
  const { port, step, fault } = options
  let isHarmful = true
  let struck = 0
  const clients = new Set<Socket>()
  const sockets = new Set<Socket>()
  const track = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    clients.add(client)
    track(client).on('close', () => clients.delete(client))
    let isSwallowed = false
    const strike = (): void => {
      struck += 1
      if (fault === 'cut') client.destroy()
      else isSwallowed = true
    }
    if (step === 'connect' && isHarmful) strike()
    const upstream = track(connect(port, '127.0.0.1'))
    client.on('data', (bytes) => {
      if (!isSwallowed && isHarmful && bytes.toString('latin1').toUpperCase().includes(`\r\n${step}\r\n`))
        strike()
      if (!isSwallowed) upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (!isSwallowed) client.write(bytes)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => {
      if (!isSwallowed) client.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get struck() {
      return struck
    },
    get connections() {
      return clients.size
    },
    heal() {
      isHarmful = false
    },
    harm() {
      isHarmful = true
      for (const client of clients) client.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await once(server.close(), 'close')
    },
  }
}
