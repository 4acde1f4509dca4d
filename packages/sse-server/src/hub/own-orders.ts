import type { ControlEntry, EventLog } from '../log/event-log.ts'
import type { Runtime } from '../runtime.ts'

// For how long an order that was written here may take to come back.
const longestEchoMs = 5000

interface OwnOrder {
  readonly value: string
  readonly at: number
  /** Whether the log has answered, so that it can say which order came last. */
  isStored: boolean
  /** An order of another process under the same name, which may be older or newer. */
  disputedBy: ControlEntry | undefined
  isSettling: boolean
}

interface OwnOrdersOptions {
  readonly log: EventLog
  readonly runtime: Runtime
  readonly onError: (error: unknown) => void
  /** Carries an order out that is the latest under its name. */
  readonly carryOut: (entry: ControlEntry) => void
  /** Whether an order keeps an identity out: carried out if the log cannot say which one came last. */
  readonly isBan: (entry: ControlEntry) => boolean
}

/**
 * The orders that this process has written to the log, until they come back from there.
 *
 *     written here ----> stored ----> its echo arrives: from here on, entries under the name are in order
 *                 \        \
 *                  '--------'--> another process's order arrives: which of the two came last?
 *                                Once its own is stored, the log knows. The echo may be lost.
 */
export class OwnOrders {
  readonly #options: OwnOrdersOptions
  readonly #orders = new Map<string, OwnOrder>()

  constructor(options: OwnOrdersOptions) {
    this.#options = options
  }

  /** @throws what the log throws. */
  async write(name: string, value: string, ttlMs: number): Promise<void> {
    const { log, runtime } = this.#options
    this.#forgetLost()
    const before = this.#orders.get(name)
    const order: OwnOrder = {
      value,
      at: runtime.now(),
      isStored: false,
      disputedBy: before?.disputedBy,
      isSettling: false,
    }
    // Again, so that it is the last in order.
    this.#orders.delete(name)
    this.#orders.set(name, order)
    try {
      await log.control(name, value, { ttlMs })
    } catch (error) {
      if (order.disputedBy === undefined && this.#orders.get(name) === order) this.#orders.delete(name)
      throw error
    } finally {
      order.isStored = true
      if (order.disputedBy !== undefined) void this.#settle(name, order)
    }
  }

  /** @returns whether the entry is the latest under its name. If that is not known, it is carried out once it is. */
  isLatest(entry: ControlEntry): boolean {
    this.#forgetLost()
    const { name, value } = entry
    const order = this.#orders.get(name)
    if (order === undefined) return true
    if (order.value === value && !order.isSettling) {
      this.#orders.delete(name)
      return true
    }
    order.disputedBy = entry
    if (order.isStored) void this.#settle(name, order)
    return false
  }

  /** Never rejects. */
  async #settle(name: string, order: OwnOrder): Promise<void> {
    if (order.isSettling) return
    order.isSettling = true
    let { disputedBy } = order
    while (disputedBy !== undefined) {
      const latest = await this.#latestOf(name, disputedBy)
      // Another order was written here, and settles it.
      if (this.#orders.get(name) !== order) return
      if (order.disputedBy === disputedBy) {
        this.#orders.delete(name)
        if (latest !== undefined) this.#options.carryOut(latest)
        return
      }
      disputedBy = order.disputedBy
    }
  }

  async #latestOf(name: string, disputedBy: ControlEntry): Promise<ControlEntry | undefined> {
    const { log, onError, isBan } = this.#options
    try {
      return (await log.controls(name)).find((entry) => entry.name === name)
    } catch (error) {
      onError(error)
      return isBan(disputedBy) ? disputedBy : undefined
    }
  }

  /** An order that was lost on its way back is not waited for any longer. */
  #forgetLost(): void {
    for (const [name, { at, isStored, disputedBy }] of this.#orders) {
      if (this.#options.runtime.now() - at < longestEchoMs) return
      if (isStored && disputedBy === undefined) this.#orders.delete(name)
    }
  }
}
