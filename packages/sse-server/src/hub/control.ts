import { OptionError } from '../errors/option-error.ts'
import { choiceOption, durationOption } from '../options.ts'
import type { ConnectionRegistry } from './connection-registry.ts'
import type { ForbiddenIdentities } from './forbidden-identities.ts'
import type { DisconnectOptions, ForbidOptions, HubConnection } from './hub-options.ts'

const usualForbidMs = 600_000

/** Ends connections on behalf of the application, and keeps their clients out. */
export class Control {
  readonly #connections: ConnectionRegistry
  readonly #forbidden: ForbiddenIdentities

  constructor(connections: ConnectionRegistry, forbidden: ForbiddenIdentities) {
    this.#connections = connections
    this.#forbidden = forbidden
  }

  /** @throws {@link OptionError} */
  disconnect(predicate: (connection: HubConnection) => boolean, options: DisconnectOptions): number {
    const reconnect = choiceOption('reconnect', options.reconnect, ['allow', 'forbid'])
    const forbidMs = durationOption('forbidMs', options.forbidMs, usualForbidMs)
    const chosen = this.#connections.select(predicate)
    if (reconnect === 'allow') return chosen.filter(({ queue }) => queue.close('server')).length
    for (const { identity } of chosen) if (identity !== undefined) this.#forbidden.forbid(identity, forbidMs)
    return chosen.filter(({ queue }) => queue.revoke('server')).length
  }

  /** @throws {@link OptionError} */
  forbid(identity: string, options: ForbidOptions): number {
    if (typeof identity !== 'string') throw new OptionError('identity', identity, 'a string')
    this.#forbidden.forbid(identity, durationOption('forbidMs', options.forbidMs, usualForbidMs))
    const chosen = this.#connections.select((connection) => connection.identity === identity)
    return chosen.filter(({ queue }) => queue.revoke('server')).length
  }

  allow(identity: string): void {
    this.#forbidden.allow(identity)
  }
}
