import { OptionError } from '../errors/option-error.ts'
import type { ControlEntry, EventLog } from '../log/event-log.ts'
import { checkOptionNames } from '../option-names.ts'
import { choiceOption, durationOption } from '../options.ts'
import type { Runtime } from '../runtime.ts'
import type { ConnectionRegistry } from './connection-registry.ts'
import type { ForbiddenIdentities } from './forbidden-identities.ts'
import { OwnOrders } from './own-orders.ts'
import type { ConnectionFilter, DisconnectOptions, ForbidOptions, HubConnection } from './hub-options.ts'

const usualForbidMs = 600_000

// For how long a process that missed a command may still learn of it.
const commandTtlMs = 60_000

// Two bans whose ends are no further apart count as the same ban.
const sameBanMs = 1000

/*
 * The names of the control entries by which hubs command each other. An identity may be any string, so it is written as JSON,
 * which leaves no lone surrogate.
 *
 *     forbid "mallory"          until when, as how long from then on; 0 lifts it
 *     disconnect 3f9a0k1c2b7d   which connections, of those that were open by then
 */
const forbidPrefix = 'forbid '
const disconnectPrefix = 'disconnect '

interface DisconnectCommand extends ConnectionFilter {
  /** The hub that commands it, which has obeyed already. */
  readonly by: string
  readonly forbidMs: number | null
}

interface ControlHost {
  readonly log: EventLog
  readonly connections: ConnectionRegistry
  readonly forbidden: ForbiddenIdentities
  readonly runtime: Runtime
  readonly onError: (error: unknown) => void
  /** A word that no other hub makes. */
  readonly createName: () => string
}

/** Ends connections on behalf of the application, and keeps their clients out, in every process on the log. */
export class Control {
  readonly #host: ControlHost
  readonly #name: string
  readonly #own: OwnOrders
  #loading: Promise<void> | undefined
  #isLoaded = false

  constructor(host: ControlHost) {
    this.#host = host
    this.#name = host.createName()
    const { log, runtime, onError } = host
    const carryOut = (entry: ControlEntry): void => this.#tryToCarryOut(entry)
    this.#own = new OwnOrders({ log, runtime, onError, carryOut, isBan })
  }

  /**
   * Resolves when the bans that the log keeps are known; before that, no request can be let in. Undefined once they are known.
   *
   * @throws what the log throws; the next call asks it again.
   */
  ready(): Promise<void> | undefined {
    if (this.#isLoaded) return undefined
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** @throws what the log throws, as long as the bans that it keeps are not known. */
  async isForbidden(identity: string): Promise<boolean> {
    await this.ready()
    return this.#host.forbidden.has(identity)
  }

  /** @throws {@link OptionError} */
  disconnect(predicate: (connection: HubConnection) => boolean, options: DisconnectOptions): number {
    const forbidMs = forbidMsOf(options)
    return this.#end(this.#host.connections.select(predicate), forbidMs)
  }

  /** @throws {@link OptionError} */
  async disconnectEverywhere(filter: ConnectionFilter, options: DisconnectOptions): Promise<number> {
    checkFilter(filter)
    const { identity, topic } = filter
    const command: DisconnectCommand = { by: this.#name, identity, topic, forbidMs: forbidMsOf(options) }
    const count = this.#obey(command, 0)
    const { log, createName } = this.#host
    const name = `${disconnectPrefix}${createName()}`
    await log.control(name, JSON.stringify(command), { ttlMs: commandTtlMs })
    return count
  }

  /** @throws {@link OptionError} */
  async forbid(identity: string, options: ForbidOptions): Promise<number> {
    checkIdentity(identity)
    const forbidMs = durationOption('forbidMs', options.forbidMs, usualForbidMs)
    const count = this.#forbidHere(identity, forbidMs)
    await this.#write(identity, forbidMs)
    return count
  }

  /** @throws {@link OptionError} */
  async allow(identity: string): Promise<void> {
    checkIdentity(identity)
    this.#host.forbidden.allow(identity)
    await this.#write(identity, 0)
  }

  /**
   * A hub on this log, perhaps this one, has written a control entry. This never throws, whatever the entry says: an
   * entry that is not a command is reported.
   */
  controlled(entry: ControlEntry): void {
    if (this.#own.isLatest(entry)) this.#tryToCarryOut(entry)
  }

  #tryToCarryOut(entry: ControlEntry): void {
    try {
      this.#carryOut(entry)
    } catch (error) {
      this.#host.onError(error)
    }
  }

  #carryOut({ name, value, ageMs }: ControlEntry): void {
    if (name.startsWith(forbidPrefix)) {
      const identity: unknown = JSON.parse(name.slice(forbidPrefix.length))
      checkIdentity(identity)
      const remainingMs = Number(value) - ageMs
      if (remainingMs > 0) this.#heed(identity, remainingMs)
      else this.#host.forbidden.allow(identity)
    } else if (name.startsWith(disconnectPrefix)) {
      const { by, forbidMs, ...filter } = JSON.parse(value) as DisconnectCommand
      checkFilter(filter)
      if (by !== this.#name) this.#obey({ by, forbidMs, ...filter }, ageMs)
    }
  }

  /**
   * A process forbids it. Where two do at once, the log keeps what comes last, which may be the shorter ban, for those who
   * start later: every process that knows of the longer one writes it again.
   */
  #heed(identity: string, remainingMs: number): void {
    this.#forbidHere(identity, remainingMs)
    const knownMs = this.#host.forbidden.remainingMs(identity)
    if (knownMs > remainingMs + sameBanMs) this.#write(identity, knownMs).catch(this.#host.onError)
  }

  /** The log has lost its memory. What this process knows is written again. */
  async restarted(): Promise<void> {
    try {
      for (const [identity, remainingMs] of this.#host.forbidden.entries())
        await this.#write(identity, remainingMs)
    } catch (error) {
      this.#host.onError(error)
    }
  }

  async #load(): Promise<void> {
    const entries = await this.#host.log.controls(forbidPrefix)
    for (const entry of entries) this.controlled(entry)
    this.#isLoaded = true
  }

  async #write(identity: string, forbidMs: number): Promise<void> {
    // An order that lifts an older ban is kept as well, for processes that know the ban and miss the order.
    const ttlMs = Math.max(forbidMs, commandTtlMs)
    const name = `${forbidPrefix}${JSON.stringify(identity)}`
    await this.#own.write(name, String(forbidMs), ttlMs)
  }

  #forbidHere(identity: string, forbidMs: number): number {
    const { connections, forbidden } = this.#host
    forbidden.forbid(identity, forbidMs)
    const chosen = connections.select((connection) => connection.identity === identity)
    return chosen.filter((each) => each.endEarly('server', true)).length
  }

  /** @param ageMs - of the order: connections that were opened since are not meant. */
  #obey({ identity, topic, forbidMs }: DisconnectCommand, ageMs: number): number {
    const meant = new Set(this.#host.connections.find({ identity, topic }))
    const chosen = [...meant].filter(({ openedAt }) => this.#host.runtime.now() - openedAt >= ageMs)
    return this.#end(chosen, forbidMs)
  }

  #end(chosen: ReturnType<ConnectionRegistry['select']>, forbidMs: number | null): number {
    if (forbidMs === null) return chosen.filter((each) => each.endEarly('server')).length
    const identities = new Set(chosen.flatMap(({ identity }) => identity ?? []))
    for (const identity of identities) this.#host.forbidden.forbid(identity, forbidMs)
    const ended = chosen.filter((each) => each.endEarly('server', true))
    for (const identity of identities) this.#write(identity, forbidMs).catch(this.#host.onError)
    return ended.length
  }
}

function isBan({ name, value, ageMs }: ControlEntry): boolean {
  return name.startsWith(forbidPrefix) && Number(value) > ageMs
}

/** @returns for how long disconnected identities are kept out; null if they may come back. */
function forbidMsOf(options: DisconnectOptions): number | null {
  const reconnect = choiceOption('reconnect', options.reconnect, ['allow', 'forbid'])
  const forbidMs = durationOption('forbidMs', options.forbidMs, usualForbidMs)
  return reconnect === 'allow' ? null : forbidMs
}

function checkIdentity(identity: unknown): asserts identity is string {
  if (typeof identity !== 'string') throw new OptionError('identity', identity, 'a string')
}

/** A filter without a field means all connections, so a misspelt field must not pass for one. */
function checkFilter(filter: ConnectionFilter): void {
  checkOptionNames(filter, { identity: true, topic: true })
  if (filter.identity !== undefined) checkIdentity(filter.identity)
  if (filter.topic !== undefined && typeof filter.topic !== 'string')
    throw new OptionError('topic', filter.topic, 'a string')
}
