import { OptionError } from '../errors/option-error.ts'
import { coversPattern, parseTopicPattern } from '../topics/topic-pattern.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'

/**
 * What a request may have: a plain object with these keys and no others. A key that is misspelt would otherwise grant
 * more than was meant.
 */
export interface Authorization {
  /**
   * Patterns of the topics it may subscribe to; the hub answers 403 if it asks for more. Make them with the tag
   * `pattern` where they hold values from outside: `` [pattern`users.${user.id}.>`] ``. Absent: all topics.
   */
  readonly topics?: readonly string[] | undefined
  /** When the grant ends, as a Date or in milliseconds since 1970. The stream is closed then, with the reason `expired`. */
  readonly expiresAt?: Date | number | undefined
  /** Whose connection it is: what limits are counted by, and what `connections()` and `disconnect` show. */
  readonly identity?: string | undefined
}

/**
 * Decides what a request may have, before anything else is done for it. To refuse, return a Response, such as a 401: the
 * hub answers with it.
 *
 * The hub fails closed. If the function throws, or returns anything but an {@link Authorization} or a Response, the
 * hub answers 500 and reports an error to `onError`.
 */
export type Authorize = (request: Request) => Authorization | Response | Promise<Authorization | Response>

/** The checked form of {@link Authorization}. */
export interface Access {
  /** Patterns of what may be read; undefined is everything. */
  readonly allowed: readonly TopicPattern[] | undefined
  readonly identity: string | undefined
  /** Milliseconds since 1970; `Infinity` is never. */
  readonly expiresAt: number
}

/** Where there is no `authorize`. */
export const fullAccess: Access = {
  allowed: undefined,
  identity: undefined,
  expiresAt: Number.POSITIVE_INFINITY,
}

const authorizationKeys: ReadonlySet<string | symbol> = new Set(['topics', 'expiresAt', 'identity'])

/**
 * Reads what `authorize` has returned.
 *
 * @throws {@link OptionError} or {@link TopicError} for what is neither a Response nor a grant.
 */
export function parseAuthorization(
  answer: unknown,
  maxTopicLength: number,
): { readonly access: Access } | { readonly refusal: Response } {
  if (isResponseLike(answer)) return { refusal: toResponse(answer) }
  if (!isAuthorization(answer)) {
    throw new OptionError(
      'authorize',
      answer,
      'a Response, or an object with topics, expiresAt and identity at most',
    )
  }
  const { topics, expiresAt = Number.POSITIVE_INFINITY, identity } = answer
  const expires = typeof expiresAt === 'object' ? timeOf(expiresAt) : expiresAt
  if (typeof expires !== 'number' || Number.isNaN(expires)) {
    throw new OptionError('authorize: expiresAt', expiresAt, 'a valid Date or milliseconds since 1970')
  }
  if (identity !== undefined && typeof identity !== 'string') {
    throw new OptionError('authorize: identity', identity, 'a string')
  }
  if (topics !== undefined && !Array.isArray(topics)) {
    throw new OptionError('authorize: topics', topics, 'a list of topic patterns')
  }
  const allowed = topics?.map((each) => parseTopicPattern(each, maxTopicLength))
  return { access: { allowed, identity, expiresAt: expires } }
}

function timeOf(date: Partial<Date> | null): unknown {
  return typeof date?.getTime === 'function' ? date.getTime() : date
}

/** Whether a grant has all that is asked for. */
export function grants({ allowed }: Access, asked: readonly TopicPattern[]): boolean {
  return allowed === undefined || asked.every((each) => allowed.some((outer) => coversPattern(outer, each)))
}

/** By its keys and not by its class: a grant may have been made in another realm. */
function isAuthorization(answer: unknown): answer is Authorization {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return false
  const prototype: unknown = Object.getPrototypeOf(answer)
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null
  return isPlain && Reflect.ownKeys(answer).every((key) => authorizationKeys.has(key))
}

/** By its shape and not by its class: undici's Response is not the platform's, and a framework may have another. */
function isResponseLike(answer: unknown): answer is Response {
  if (typeof answer !== 'object' || answer === null) return false
  const { status, headers } = answer as Partial<Response>
  return typeof status === 'number' && typeof headers?.get === 'function' && 'body' in answer
}

/**
 * The answer as a Response of this realm, since a host may know no other.
 *
 * @throws {@link OptionError} if it cannot be sent, as `Response.error()` cannot.
 */
function toResponse(answer: Response): Response {
  if (answer.status === 0) throw new OptionError('authorize', answer, 'a Response that can be sent')
  if (answer instanceof Response) return answer
  const { status, statusText, headers, body } = answer
  try {
    return new Response(body, { status, statusText, headers: [...headers] })
  } catch (cause) {
    throw new OptionError('authorize', answer, 'a Response that can be sent', { cause })
  }
}
