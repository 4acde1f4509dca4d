import { createHash } from 'node:crypto'
import type { Hub } from '@sse-toolkit/sse-server'
import type { ReaderConnections } from './connections.ts'
import type { ReaderAccess } from './reader-access.ts'

/** The faults that a reader may cause in its own stream. `allow` undoes `revoke`. */
export const FAULTS = ['cut', 'silence', 'slow', 'expire', 'revoke', 'allow', 'restart', 'kill'] as const

export type Fault = (typeof FAULTS)[number]

/**
 * Does it, whichever process holds the reader's stream.
 *
 * `restart` and `kill` befall the server that has the reader's stream, and so others' streams, too.
 *
 * @returns How many streams it befell; of `restart` and `kill`, how many servers (the last process is not killed).
 */
export type InjectFault = (fault: Fault, readerId: string) => Promise<number>

/** The public name of a reader, which does not reveal its id. */
export function identityOf(readerId: string): string {
  return `reader ${createHash('sha256').update(readerId).digest('hex').slice(0, 8)}`
}

/** Does to the streams of this process what can be done here; of `restart` and `kill`, says how many streams are here. */
export function createLocalFaults(options: {
  hub: Pick<Hub, 'disconnect' | 'allow'>
  connections: ReaderConnections
  access: ReaderAccess
}): (fault: Fault, readerId: string) => number {
  const { hub, connections, access } = options
  return (fault, readerId) => {
    const identity = identityOf(readerId)
    const ofReader = connections.of(readerId)
    switch (fault) {
      case 'cut':
      case 'silence':
      case 'slow':
        for (const connection of ofReader) connection[fault]()
        return ofReader.length
      case 'expire':
        access.expire(readerId)
        return hub.disconnect((connection) => connection.identity === identity)
      case 'revoke':
        access.revoke(readerId)
        return hub.disconnect((connection) => connection.identity === identity, { reconnect: 'forbid' })
      case 'allow':
        access.allow(readerId)
        // Here it holds at once; what keeps the log from telling the others is the log's to report.
        void hub.allow(identity).catch(() => undefined)
        return ofReader.length
      // The code that started the server carries these out.
      case 'restart':
      case 'kill':
      default:
        return ofReader.length
    }
  }
}
