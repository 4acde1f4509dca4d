import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { chunkOf, eventStreamHead, plainBlock } from '../events.ts'
import { listen } from './publishing-server.ts'
import type { PublishingServer } from './publishing-server.ts'

/** The floor that JavaScript on Node has: no HTTP at all, one buffer for all connections and all events of a turn. */
export async function open(): Promise<PublishingServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    // The request: whatever it is, this is the answer.
    socket.once('data', () => {
      socket.write(eventStreamHead)
      sockets.add(socket)
    })
    // A reader that leaves in the middle resets the connection; 'close' follows.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  })
  return {
    port: await listen(server),
    publish(events) {
      const chunk = chunkOf(events.map(plainBlock).join(''))
      for (const socket of sockets) socket.write(chunk)
    },
  }
}
