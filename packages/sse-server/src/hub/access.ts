import { OptionError } from '../errors/option-error.ts'
import type { Runtime } from '../runtime.ts'
import { parseTopicPattern, type TopicPattern } from './topic-pattern.ts'

/** What a request may have. */
export interface Authorization {
  /** Patterns of the topics it may subscribe to; asking for more is answered 403. Absent: all. */
  readonly topics?: readonly string[] | undefined
  /** When it ends, as a Date or in milliseconds since 1970. The stream is closed then, with the reason `expired`. */
  readonly expiresAt?: Date | number | undefined
  /** Who it is: what limits are counted by, and what `connections()` and `disconnect` show. */
  readonly identity?: string | undefined
}

/**
 * Decides what a request may have, before anything else is done for it. A Response is sent as it is, such as a 401. What
 * it throws, `subscribe` throws.
 */
export type Authorize = (request: Request) => Authorization | Response | Promise<Authorization | Response>

/** The checked form of {@link Authorization}. */
export interface Access {
  readonly identity: string | undefined
  /** Milliseconds since 1970; `Infinity` is never. */
  readonly expiresAt: number
}

/**
 * Reads what `authorize` has given, for those who ask for `asked`.
 *
 * @returns undefined if they may not have all of it.
 * @throws {@link OptionError} if it has no meaning.
 */
export function accessTo(
  asked: readonly TopicPattern[],
  authorization: Authorization,
  maxTopicLength: number,
): Access | undefined {
  // A function that forgot to answer must not let everybody in.
  if (typeof authorization !== 'object' || authorization === null) {
    throw new OptionError('authorize', authorization, 'a function that gives an object or a Response')
  }
  const { topics, expiresAt = Number.POSITIVE_INFINITY, identity } = authorization
  const expires = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt
  if (typeof expires !== 'number' || Number.isNaN(expires)) {
    throw new OptionError('authorize: expiresAt', expiresAt, 'a valid Date or milliseconds since 1970')
  }
  if (identity !== undefined && typeof identity !== 'string') {
    throw new OptionError('authorize: identity', identity, 'a string')
  }
  if (topics !== undefined) {
    const allowed = topics.map((topic) => parseTopicPattern(topic, maxTopicLength))
    if (!asked.every((pattern) => allowed.some((each) => coversPattern(each, pattern)))) return undefined
  }
  return { identity, expiresAt: expires }
}

/** Whether every topic that `inner` matches is one that `outer` matches. */
export function coversPattern(outer: TopicPattern, inner: TopicPattern): boolean {
  for (const [index, token] of outer.tokens.entries()) {
    const asked = inner.tokens[index]
    if (asked === undefined) return false
    if (token === '>') return true
    if (asked === '>' || (token !== '*' && token !== asked)) return false
  }
  return inner.tokens.length === outer.tokens.length
}

// How many identities are remembered as forbidden at once: beyond it, the oldest are forgotten.
const maxForbidden = 10_000

/** Who must not come back, and until when. */
export class ForbiddenIdentities {
  readonly #runtime: Runtime
  readonly #until = new Map<string, number>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  forbid(identity: string, durationMs: number): void {
    this.#until.delete(identity)
    this.#until.set(identity, this.#runtime.now() + durationMs)
    const [oldest] = this.#until.keys()
    if (this.#until.size > maxForbidden && oldest !== undefined) this.#until.delete(oldest)
  }

  allow(identity: string): void {
    this.#until.delete(identity)
  }

  has(identity: string | undefined): boolean {
    const until = identity === undefined ? undefined : this.#until.get(identity)
    if (identity === undefined || until === undefined) return false
    if (until > this.#runtime.now()) return true
    this.#until.delete(identity)
    return false
  }
}
