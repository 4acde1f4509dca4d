import { checkChoice, checkList, checkOrigins, isToken } from '../options/check-options.ts'
import { decisionOf } from '../options/decision.ts'
import { OptionError } from '../errors/option-error.ts'
import { asHttpError, httpErrorResponse } from '../errors/http-error.ts'
import type { Middleware } from './middleware.ts'
import { Context } from '../request/context.ts'
import { withMutableHeaders } from '../response/response-head.ts'
import { isThenable } from '../thenable.ts'
import { addVary } from '../response/vary.ts'

/** See {@link cors}. */
export interface CorsOptions {
  /**
   * Which origins may read the responses: `'*'` for all, a list of origins such as `https://app.example`, or a function that
   * takes the origin. A list allows `'null'` (sandboxed frames, files) only if it names it. A function must return `true`
   * or `false`; if it returns anything else, including a promise, the request fails with 500.
   *
   * @defaultValue `'*'`
   */
  readonly origin?: '*' | readonly string[] | ((origin: string) => boolean)
  /**
   * `'include'` lets pages send cookies and read the response (`new EventSource(url, { withCredentials: true })`). You
   * cannot combine it with the origin `'*'`, which browsers refuse.
   *
   * @defaultValue `'omit'`
   */
  readonly credentials?: 'include' | 'omit'
  /** The methods that the response to a preflight allows. @defaultValue GET, HEAD, POST, PUT, PATCH, DELETE, QUERY */
  readonly methods?: readonly string[]
  /**
   * The request fields that the response to a preflight allows.
   *
   * @defaultValue `authorization`, `cache-control`, `content-type` and `last-event-id`. A fetch-based event source sends
   *   `last-event-id` and `cache-control`; the browser's own EventSource may send them without a preflight.
   */
  readonly allowHeaders?: readonly string[]
  /**
   * The response fields that scripts may read in addition to the safelisted ones.
   *
   * @defaultValue `retry-after`, which clients need to reconnect at the right time
   */
  readonly exposeHeaders?: readonly string[]
  /**
   * How long a browser may cache the response to a preflight, in seconds.
   *
   * @defaultValue 7200, the maximum in Chromium. With 0 the browser caches nothing.
   */
  readonly maxAgeSeconds?: number
}

const defaultMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY']
const defaultAllowHeaders = ['authorization', 'cache-control', 'content-type', 'last-event-id']
const defaultExposeHeaders = ['retry-after']

/**
 * Creates a middleware for CORS, for event streams and all other responses. Add it with `router.use()` or to one route.
 *
 * The middleware answers a preflight (an OPTIONS request with `Origin` and `Access-Control-Request-Method`) with 204; the
 * handler does not run. It adds the CORS fields to all other responses, errors included, so that a page can tell a 401 from
 * a broken network. It sets `Vary: Origin` if the response depends on the origin, even if the request had no `Origin`.
 *
 * @throws {@link OptionError} naming the option: if `credentials` is combined with the origin `'*'`, an origin is invalid, a
 *   method or a field name is not a token, or the age is negative.
 * @example
 * ```ts
 * router.use(cors({ origin: ['https://app.example'], credentials: 'include' }))
 * ```
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function cors(options: CorsOptions = {}): Middleware {
  const { origin = '*', credentials = 'omit', maxAgeSeconds = 7200 } = options
  checkOrigins('origin', origin, ['*'])
  checkChoice('credentials', credentials, ['include', 'omit'])
  checkList('methods', options.methods, isToken, 'methods such as GET')
  checkList('allowHeaders', options.allowHeaders, isToken, 'field names')
  checkList('exposeHeaders', options.exposeHeaders, isToken, 'field names')
  const methods = (options.methods ?? defaultMethods).join(', ')
  const allowHeaders = (options.allowHeaders ?? defaultAllowHeaders).join(', ')
  const exposeHeaders = (options.exposeHeaders ?? defaultExposeHeaders).join(', ')
  if (origin === '*' && credentials === 'include') {
    throw new OptionError('origin', origin, "a list or a function where credentials is 'include'")
  }
  if (!(Number.isSafeInteger(maxAgeSeconds) && maxAgeSeconds >= 0)) {
    throw new OptionError('maxAgeSeconds', maxAgeSeconds, 'an integer of at least 0')
  }
  const isAllowed = originTest(origin)

  /** @param allowed - The origin of the request, if that origin may read the response. */
  const addFields = (headers: Headers, allowed: string | undefined): boolean => {
    if (origin === '*') {
      headers.set('access-control-allow-origin', '*')
      return true
    }
    addVary(headers, 'Origin')
    if (allowed === undefined) return false
    headers.set('access-control-allow-origin', allowed)
    if (credentials === 'include') headers.set('access-control-allow-credentials', 'true')
    return true
  }

  const answerPreflight = (allowed: string | undefined): Response => {
    const headers = new Headers()
    addVary(headers, 'Access-Control-Request-Method')
    addVary(headers, 'Access-Control-Request-Headers')
    if (addFields(headers, allowed)) {
      headers.set('access-control-allow-methods', methods)
      if (allowHeaders !== '') headers.set('access-control-allow-headers', allowHeaders)
      headers.set('access-control-max-age', String(maxAgeSeconds))
    }
    return new Response(null, { status: 204, headers })
  }

  const addExposed = (headers: Headers, allowed: string | undefined): void => {
    if (addFields(headers, allowed) && exposeHeaders !== '') {
      headers.set('access-control-expose-headers', exposeHeaders)
    }
  }

  const finish = (given: Response, allowed: string | undefined): Response => {
    const response = withMutableHeaders(given)
    addExposed(response.headers, allowed)
    return response
  }

  return (next) => (request, context) => {
    const requestOrigin = request.headers.get('origin')
    // Before the handler runs: if the test throws, the client gets 500, and the handler has done nothing.
    const allowed = requestOrigin !== null && isAllowed(requestOrigin) ? requestOrigin : undefined
    if (
      request.method === 'OPTIONS' &&
      requestOrigin !== null &&
      request.headers.has('access-control-request-method')
    ) {
      return answerPreflight(allowed)
    }
    const failed = (error: unknown): Response => {
      const answer = asHttpError(error)
      if (answer !== undefined) return finish(httpErrorResponse(answer), allowed)
      const fields = new Headers()
      addExposed(fields, allowed)
      Context.failsWith(context, fields)
      throw error
    }
    try {
      const response = next(request, context)
      return isThenable(response)
        ? response.then((settled) => finish(settled, allowed), failed)
        : finish(response, allowed)
    } catch (error) {
      return failed(error)
    }
  }
}

function originTest(origin: NonNullable<CorsOptions['origin']>): (origin: string) => boolean {
  if (origin === '*') return () => true
  if (typeof origin === 'function') return (candidate) => decisionOf('origin', origin(candidate))
  const listed = new Set(origin)
  return (candidate) => listed.has(candidate)
}
