import type { Reach } from '@sse-toolkit/cli/inspect/node'
import { isLoopbackAddress } from '../guard.ts'

/** Where an inspection may go: this machine, or anywhere (`--allow-inspect`). */
export type InspectReach = 'loopback' | 'anywhere'

export function reachOf(reach: InspectReach): Reach {
  return {
    allows: (address) => reach === 'anywhere' || isLoopbackAddress(address),
    refusal: (host) =>
      `This demo inspects servers on this machine only, and ${host} is not on it. ` +
      'To allow other addresses, start the demo with --allow-inspect',
  }
}
