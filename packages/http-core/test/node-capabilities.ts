import { createServer } from 'node:http'

/**
 * Whether Node asks a server before it gives a connection away for an upgrade (`shouldUpgradeCallback`). Node 22.19 does not:
 * there each request with an Upgrade field leaves HTTP, and its content is lost.
 */
export const asksBeforeUpgrades: boolean = (() => {
  try {
    createServer({ ['shouldUpgradeCallback' as string]: 'not a function' })
    return false
  } catch {
    // A Node that knows the option checks it.
    return true
  }
})()
