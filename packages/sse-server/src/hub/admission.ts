import { OptionError } from '../errors/option-error.ts'
import { TopicError } from '../errors/topic-error.ts'
import { functionOption, limitOption } from '../options.ts'
import type { Runtime } from '../runtime.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { listsOf, parseTopics } from './asked-topics.ts'
import type { TopicLists } from './asked-topics.ts'
import { fullAccess, grants, parseAuthorization } from './authorization.ts'
import type { Access, Authorize } from './authorization.ts'
import type { ConnectionRegistry } from './connection-registry.ts'
import { ForbiddenIdentities } from './forbidden-identities.ts'
import type { HubOptions, SubscribeOptions } from './hub-options.ts'
import type { HubCounters, RefusalStatus } from './hub-stats.ts'

interface AdmissionDependencies {
  readonly runtime: Runtime
  readonly counters: HubCounters
  readonly connections: Pick<ConnectionRegistry, 'size' | 'countOf'>
  readonly maxTopicLength: number
  readonly onError: (error: unknown) => void
  readonly reportOnce: (what: string, error: Error) => void
}

/** What a request asks for and may have. */
export interface Admitted {
  readonly patterns: readonly TopicPattern[]
  readonly access: Access
  /** How many bans there were when `authorize` was asked. */
  readonly banCount: number
}

/** Decides whether a request may subscribe: valid topics, authorization, limits. Makes all refusals. */
export class Admission {
  readonly forbidden: ForbiddenIdentities
  readonly #needs: AdmissionDependencies
  readonly #authorize: Authorize | undefined
  readonly #maxConnections: number
  readonly #maxConnectionsPerIdentity: number
  readonly #maxTopicsPerConnection: number

  /** @throws {@link OptionError} */
  constructor(options: HubOptions, needs: AdmissionDependencies) {
    const none = Number.POSITIVE_INFINITY
    const { maxConnections, maxConnectionsPerIdentity, maxTopicsPerConnection } = options
    this.#needs = needs
    this.forbidden = new ForbiddenIdentities(needs.runtime)
    this.#authorize = functionOption('authorize', options.authorize)
    this.#maxConnections = limitOption('maxConnections', maxConnections, none)
    this.#maxConnectionsPerIdentity = limitOption(
      'maxConnectionsPerIdentity',
      maxConnectionsPerIdentity,
      none,
    )
    this.#maxTopicsPerConnection = limitOption('maxTopicsPerConnection', maxTopicsPerConnection, 64)
  }

  /** @throws {@link OptionError} for lists that are not lists, which only the program can have given. */
  async admit(request: Request, options: SubscribeOptions): Promise<Admitted | Response> {
    const patterns = this.#parseAsked(listsOf(options))
    if (patterns instanceof Error) return this.refuse(400, patterns.message)
    const banCount = this.forbidden.count
    const answer = await this.#askAuthorize(request)
    if (answer === undefined) return this.refuse(500)
    if ('refusal' in answer) return answer.refusal
    if (!grants(answer.access, patterns)) return this.refuse(403)
    // One object for all whose access is the same: each connection holds it.
    const access =
      options.identity === undefined ? answer.access : { ...answer.access, identity: options.identity }
    const refusal = this.#refusalOf(access)
    return refusal === undefined ? { patterns, access, banCount } : this.refuse(refusal)
  }

  /** Whether the identity was banned after `authorize` was asked. A ban voids the authorization, even if the ban is over by now. */
  isRevoked({ access, banCount }: Admitted): boolean {
    return this.forbidden.hasSince(access.identity, banCount)
  }

  /** Whether the hub has filled up since the connection was let in: it can let in many at once. */
  isOverfull(identity: string | undefined): boolean {
    const { connections } = this.#needs
    if (connections.size > this.#maxConnections) return true
    return identity !== undefined && connections.countOf(identity) > this.#maxConnectionsPerIdentity
  }

  refuse(status: RefusalStatus, reason?: string): Response {
    const { counters, runtime } = this.#needs
    counters.refused[status] += 1
    const headers = new Headers()
    // Each at a different time, so that clients which were refused together do not return together.
    if (status === 429 || status === 503)
      headers.set('retry-after', String(1 + Math.floor(runtime.random() * 3)))
    if (reason === undefined) return new Response(null, { status, headers })
    headers.set('content-type', 'text/plain; charset=utf-8')
    return new Response(`${reason}\n`, { status, headers })
  }

  /**
   * What a subscription asks for, or why there cannot be such topics. They may come from the request, so the reason is
   * not thrown: the client gets it with 400, and `onError` once, since it may as well be a mistake in the program.
   */
  #parseAsked({ topics, patterns }: TopicLists): readonly TopicPattern[] | Error {
    const { maxTopicLength } = this.#needs
    const max = this.#maxTopicsPerConnection
    const count = topics.length + patterns.length
    if (count === 0 || count > max) {
      const expected = `1 to ${max} topics and patterns (maxTopicsPerConnection)`
      return this.#report('count of topics', new OptionError('topics', count, expected))
    }
    try {
      return parseTopics({ topics, patterns }, maxTopicLength)
    } catch (error) {
      if (error instanceof TopicError) return this.#report('invalid topic', error)
      if (error instanceof OptionError) return this.#report('wildcard in topics', error)
      throw error
    }
  }

  #report(what: string, error: Error): Error {
    this.#needs.reportOnce(what, error)
    return error
  }

  /** What the request may have; undefined if `authorize` failed, which is reported. */
  async #askAuthorize(request: Request): Promise<ReturnType<typeof parseAuthorization> | undefined> {
    if (this.#authorize === undefined) return { access: fullAccess }
    try {
      return parseAuthorization(await this.#authorize(request), this.#needs.maxTopicLength)
    } catch (error) {
      this.#needs.onError(error)
      return undefined
    }
  }

  #refusalOf({ identity, expiresAt }: Access): RefusalStatus | undefined {
    const { runtime, connections } = this.#needs
    if (this.forbidden.has(identity)) return 204
    if (expiresAt <= runtime.wallClock()) return 403
    if (connections.size >= this.#maxConnections) return 503
    if (identity !== undefined && connections.countOf(identity) >= this.#maxConnectionsPerIdentity) return 429
    return undefined
  }
}
