import { Context } from '../request/context.ts'
import type { RequestContext } from '../request/context.ts'

/**
 * The property of a `Response` that holds a {@link ConnectionUpgrade}. The response itself is a 426, which a server sends
 * if it cannot upgrade the connection. The symbol is registered, so that all copies of this package share it.
 */
export const connectionUpgradeSymbol: unique symbol = Symbol.for('sse-toolkit.connectionUpgrade')

/** The status that the client gets: 101 if the response upgrades the connection, otherwise the response's own. */
export function sentStatus(response: Response, context: RequestContext): number {
  const isUpgrade = connectionUpgradeSymbol in response && Context.canUpgrade(context)
  return isUpgrade ? 101 : response.status
}
