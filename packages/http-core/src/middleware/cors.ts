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
   * Which origins may read the responses: `'*'` (the default) for all, a list of origins such as `https://app.example`, or a
   * function of the origin. `'null'` (sandboxed frames, files) is allowed only where it is named. A function must answer
   * `true` or `false` at once: a promise, or any other answer, is an error, and the request fails with 500.
   */
  readonly origin?: '*' | readonly string[] | ((origin: string) => boolean)
  /**
   * `'include'` lets pages send cookies and read the answer (`new EventSource(url, { withCredentials: true })`). Not
   * together with the origin `'*'`: browsers refuse that.
   *
   * @defaultValue `'omit'`
   */
  readonly credentials?: 'include' | 'omit'
  /** Methods that the answer to a preflight allows. @defaultValue GET, HEAD, POST, PUT, PATCH, DELETE, QUERY */
  readonly methods?: readonly string[]
  /**
   * Request fields that the answer to a preflight allows.
   *
   * @defaultValue `last-event-id` and `cache-control`, which a fetch-based event source sends and the browser's own
   *   EventSource need not ask for, `authorization`, `content-type`
   */
  readonly allowHeaders?: readonly string[]
  /**
   * Response fields that scripts may read besides the safelisted ones.
   *
   * @defaultValue `retry-after`, which a client that reconnects obeys
   */
  readonly exposeHeaders?: readonly string[]
  /** How long a browser may keep the answer of a preflight, in seconds. @defaultValue 7200, the most that Chromium grants; 0: not at all */
  readonly maxAgeSeconds?: number
}

const defaultMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY']
const defaultAllowHeaders = ['authorization', 'cache-control', 'content-type', 'last-event-id']
const defaultExposeHeaders = ['retry-after']

/**
 * CORS for event streams and everything else: a middleware, for `router.use()` or for one route.
 *
 * A preflight (an OPTIONS with `Origin` and `Access-Control-Request-Method`) is answered with 204 here; the handler never
 * sees it. Every other response gets its fields, errors included, so that a page can tell a 401 from a broken network.
 * `Vary: Origin` is set whenever the answer depends on the origin, also when there was none.
 *
 * @throws {@link OptionError} which names the option: for credentials together with the origin `'*'`, an origin that is not
 *   one, a method or a field name that is not a token, a negative age.
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

  /** @param allowed - The origin of the request, if it may read the response. */
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
    // Before the handler runs: a test that fails answers 500, and nothing has happened.
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
