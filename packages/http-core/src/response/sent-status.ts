import { Context } from '../request/context.ts'
import type { RequestContext } from '../request/context.ts'

/**
 * The property of a `Response` that holds what it upgrades its connection to. The response itself is a 426, which is what
 * every server sends that cannot upgrade. Registered, so that every copy of this package agrees.
 */
export const connectionUpgradeSymbol: unique symbol = Symbol.for('sse-toolkit.connectionUpgrade')

/** The status that is sent for a response: 101 where it upgrades the connection. */
export function sentStatus(response: Response, context: RequestContext): number {
  const isUpgrade = connectionUpgradeSymbol in response && Context.canUpgrade(context)
  return isUpgrade ? 101 : response.status
}
