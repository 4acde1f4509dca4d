/** The process of a server that sends the same chunk of events without end, as fast as each reader takes it. */
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { chunkOf, eventStreamHead, outgoingEvent, plainBlock } from '../events.ts'
import { listen } from '../servers/publishing-server.ts'
import { serveCalls } from '../worker/serve-calls.ts'

// Which one a connection gets, its path says.
const chunks = new Map<string, Buffer>()
/** What one path of the server is flooded with: events with so much padding, which repeat after `cycle`. */
export interface Flood {
  readonly path: string
  readonly cycle: number
  readonly padding: string
}

let cpuBefore = process.cpuUsage()
let countedFrom = performance.now()

const methods = {
  /** @returns its port. */
  open(floods: readonly Flood[]): Promise<number> {
    for (const { path, cycle, padding } of floods) {
      const blocks = Array.from({ length: cycle }, (_, seq) => plainBlock(outgoingEvent(seq, padding)))
      chunks.set(path, chunkOf(blocks.join('')))
    }
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
  let chunk = chunkOf('')
  // Called back when the kernel has taken the chunk.
  const write = (error?: Error | null): void => {
    if (error == null && !socket.destroyed) socket.write(chunk, write)
  }
  socket.once('data', (request: Buffer) => {
    const [, path = ''] = request.toString('latin1').split(' ')
    chunk = chunks.get(path) ?? chunk
    socket.write(eventStreamHead, write)
  })
  // A reader that closes in the middle of the flood resets the connection. That is how each run ends.
  socket.on('error', () => socket.destroy())
}

serveCalls(methods)
