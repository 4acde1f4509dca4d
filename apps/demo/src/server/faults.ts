import { createHash } from 'node:crypto'
import type { Hub } from '@sse-toolkit/sse-server'
import type { PageConnections } from './connections.ts'
import type { PageAccess } from './page-access.ts'

/** What a page may have done to its own stream. `allow` undoes `revoke`. */
export const FAULTS = ['cut', 'silence', 'slow', 'expire', 'revoke', 'allow', 'kill'] as const

export type Fault = (typeof FAULTS)[number]

/** Who may have faults injected, and publish: pages on the machine itself, or all. */
export type FaultReach = 'loopback' | 'anywhere'

/**
 * Does it, whichever process holds the page's stream.
 *
 * @returns How many streams it befell; of `kill`, how many processes were killed (the last one is not).
 */
export type InjectFault = (fault: Fault, pageId: string) => Promise<number>

/** What shows of a page to others: knowing this is not knowing its id. */
export function identityOf(pageId: string): string {
  return `page ${createHash('sha256').update(pageId).digest('hex').slice(0, 8)}`
}

/** Does to the streams of this process what can be done here; of `kill`, says how many streams are here. */
export function createLocalFaults(options: {
  hub: Pick<Hub, 'disconnect' | 'allow'>
  connections: PageConnections
  access: PageAccess
}): (fault: Fault, pageId: string) => number {
  const { hub, connections, access } = options
  return (fault, pageId) => {
    const identity = identityOf(pageId)
    const ofPage = connections.of(pageId)
    switch (fault) {
      case 'cut':
      case 'silence':
      case 'slow':
        for (const connection of ofPage) connection[fault]()
        return ofPage.length
      case 'expire':
        access.expire(pageId)
        return hub.disconnect((connection) => connection.identity === identity)
      case 'revoke':
        access.revoke(pageId)
        return hub.disconnect((connection) => connection.identity === identity, { reconnect: 'forbid' })
      case 'allow':
        access.allow(pageId)
        hub.allow(identity)
        return ofPage.length
      // A kill is not for the process itself to do.
      case 'kill':
      default:
        return ofPage.length
    }
  }
}
