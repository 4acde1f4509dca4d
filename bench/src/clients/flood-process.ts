/** The process of a server that sends the same chunk of events for ever, as fast as each reader takes it. */
import { createServer, type Socket } from 'node:net'
import { chunkOf, eventStreamHead, outgoingEvent, plainBlock } from '../events.ts'
import { listen } from '../servers/publishing-server.ts'
import { serveCalls } from '../worker/serve-calls.ts'

let chunk = chunkOf('')
let cpuBefore = process.cpuUsage()
let countedFrom = performance.now()

const methods = {
  /** @returns its port. */
  open(cycle: number): Promise<number> {
    chunk = chunkOf(Array.from({ length: cycle }, (_, seq) => plainBlock(outgoingEvent(seq))).join(''))
    return listen(createServer(flood))
  },

  beginCounts(): void {
    cpuBefore = process.cpuUsage()
    countedFrom = performance.now()
  },

  /** Of the time since the counts began, the part that this process was computing. */
  busy(): number {
    const { user, system } = process.cpuUsage(cpuBefore)
    return (user + system) / 1000 / (performance.now() - countedFrom)
  },
}

export type FloodMethods = typeof methods

function flood(socket: Socket): void {
  // Called back when the kernel has taken the chunk.
  const write = (error?: Error | null): void => {
    if (error == null && !socket.destroyed) socket.write(chunk, write)
  }
  socket.once('data', () => socket.write(eventStreamHead, write))
  // A reader that closes in the middle of the flood resets the connection. That is how each run ends.
  socket.on('error', () => socket.destroy())
}

serveCalls(methods)
