import type { Reach } from '@sse-toolkit/cli/inspect/node'
import { isLoopbackAddress } from '../guard.ts'

/** Where an inspection may go: this machine, or anywhere (`--allow-inspect`). */
export type InspectReach = 'loopback' | 'anywhere'

export function reachOf(reach: InspectReach): Reach {
  return {
    allows: (address) => reach === 'anywhere' || isLoopbackAddress(address),
    refusal: (host) => `${host} is not this machine. Start the demo with --allow-inspect to look elsewhere`,
  }
}
