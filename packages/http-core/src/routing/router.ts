import { tooLargeError } from '../errors/http-error.ts'
import {
  checkBodyLimit,
  checkChoice,
  checkFunction,
  checkList,
  checkRequired,
  isToken,
} from '../options/check-options.ts'
import { refusePromise } from '../options/decision.ts'
import { bodyLimitOf } from '../request/body-limit.ts'
import { Context, metadataKey } from '../request/context.ts'
import { asHttpError, HttpError, httpErrorResponse } from '../errors/http-error.ts'
import { RouteError } from '../errors/route-error.ts'
import { lightRequestsSymbol } from '../request/light-requests.ts'
import { compose, staged } from '../middleware/middleware.ts'
import type { Handler, Middleware, Stage, StagedMiddleware } from '../middleware/middleware.ts'
import { passHead } from '../middleware/request-head.ts'
import type { RequestHeadHook } from '../middleware/request-head.ts'
import { decoded } from './param-codec.ts'
import { refusalOf, withMutableHeaders } from '../response/response-head.ts'
import { sentStatus } from '../response/sent-status.ts'
import { isThenable } from '../thenable.ts'
import { matcherPattern } from './route-pattern.ts'
import { anyMethod, makeRouteTable, readParams } from './route-table.ts'
import type { Entry, RouteTable } from './route-table.ts'
import { route as makeRoute, segmentsOf } from './route.ts'
import type { Route } from './route.ts'
import type { AddRoute, HeadHook, RouteOptions, Router, RouterOptions } from './router-types.ts'

const malformedEncoding = /%(?![0-9A-Fa-f]{2})/
/** The refusal of a hook added by `useRequestHead`, to be sent instead of a route's response. */
const headRefusal = metadataKey<() => Response>('the refusal of a request head')

interface Routing {
  readonly table: RouteTable
  readonly runFallback: Handler
  readonly runRefusal: Handler
  readonly runMethodNotAllowed: Handler
  readonly runOptions: Handler
  readonly runBadRequest: Handler
}

/**
 * Creates a router with typed routes, middleware in stages, and a `fetch` for {@link createServer} or any other host of web
 * handlers (Bun, Deno, Workers).
 *
 * - Exact segments win over parameters, and parameters over the rest of a path. Among equally specific routes, a route for
 *   the method wins over `all()`, and then **the route that you registered last wins**. With `precedence: 'latest'`, only
 *   the order of registration counts.
 * - If a path has routes, but none for the method, the router answers 405 with `Allow`. Without a route for `HEAD`, the
 *   `GET` route answers (the server leaves out the content). Without a route for `OPTIONS`, the router answers 204 with
 *   `Allow`, inside the middlewares of the route that `Access-Control-Request-Method` names.
 * - If nothing matches, the fallback answers, or without a fallback the router answers 404. It answers 400 to a malformed
 *   percent-encoding in the path.
 *
 * @example
 * ```ts
 * const router = createRouter()
 * router.get('/rooms/:room', (_request, { params }) => textResponse(params.room))
 * const server = createServer({ fetch: router.fetch })
 * ```
 */
export function createRouter({ precedence = 'most-specific' }: RouterOptions = {}): Router {
  checkChoice('precedence', precedence, ['most-specific', 'latest'])
  const entries: Entry[] = []
  const middlewares: StagedMiddleware[] = []
  const headHooks: HeadHook[] = []
  const requestHeadHooks: RequestHeadHook[] = []
  let fallback: Handler = () => statusResponse(404)
  /** Built at the first request after a change. Routes are rarely added later. */
  let routing: Routing | undefined

  function add(method: string, target: string | Route, handler: Handler, options: RouteOptions = {}): Route {
    if (method !== anyMethod && !isToken(method)) {
      throw new RouteError('invalid-method', method, 'A method must be a token (RFC 9110 section 5.6.2)')
    }
    const route = isRoute(target) ? target : (makeRoute(target) as Route)
    const { accept } = options
    checkRequired('handler', handler)
    checkFunction('accept', accept)
    checkBodyLimit('maxBodyBytes', options.maxBodyBytes)
    checkList('middleware', options.middleware, isMiddleware, 'middlewares')
    const shown = method === anyMethod ? 'ANY' : method
    const segments = segmentsOf(route)
    entries.push({
      method: shown,
      matched: method,
      route,
      handler: answering(withinLimit(accept === undefined ? handler : acceptingFirst(accept, handler))),
      maxBodyBytes: options.maxBodyBytes ?? bodyLimitOf(handler),
      middlewares: (options.middleware ?? []).map((given) =>
        typeof given === 'function' ? staged(given) : staged(given.middleware, given.stage),
      ),
      params: segments
        .filter((segment) => segment.kind === 'param' || segment.kind === 'rest')
        .map(({ name }) => ({ name, codec: route.codecs[name] ?? decoded })),
      hasUnnamed: segments.some((segment) => segment.kind === 'anything'),
      key: `${method} ${matcherPattern(segments, route.codecs, 'erased')}`,
      toString: () => `${shown} ${String(route)}`,
    })
    routing = undefined
    return route
  }

  function build(): Routing {
    const table = makeRouteTable(entries, precedence, (entry) => {
      const around = [...middlewares, ...entry.middlewares]
      return { entry, run: within(around, entry.handler), runOptions: within(around, answerOptions) }
    })
    return {
      table,
      runFallback: within(middlewares, answering(withinLimit(fallback))),
      runRefusal: within(
        middlewares,
        answering((_request, context) => context.get(headRefusal)?.() ?? statusResponse(403)),
      ),
      runMethodNotAllowed: within(middlewares, (request) =>
        statusResponse(405, { allow: allowed(request).join(', ') }),
      ),
      runOptions: within(middlewares, answerOptions),
      runBadRequest: within(middlewares, () =>
        httpErrorResponse(new HttpError(400, 'The path is not percent-encoded correctly.')),
      ),
    }
  }

  function current(): Routing {
    return (routing ??= build())
  }

  const allowed = (request: Request): string[] => current().table.allowed(pathnameOf(request.url))

  const answerOptions: Handler = (request) =>
    new Response(null, { status: 204, headers: { allow: allowed(request).join(', ') } })

  function unmatched(request: Request, path: string): Handler {
    const { table, runFallback, runMethodNotAllowed, runOptions } = current()
    if (table.allowed(path).length === 0) return runFallback
    if (request.method !== 'OPTIONS') return runMethodNotAllowed
    const asked = request.headers.get('access-control-request-method')
    const match = asked === null ? undefined : table.find(asked, path)
    return match?.data.runOptions ?? runOptions
  }

  function dispatch(request: Request, context: Context): Response | Promise<Response> {
    const path = pathnameOf(request.url)
    const { table, runBadRequest, runFallback } = current()
    if (path.includes('%') && malformedEncoding.test(path)) return runBadRequest(request, context)
    const match = table.find(request.method, path)
    if (match === undefined) return unmatched(request, path)(request, context)
    const { entry, run } = match.data
    if (entry.params.length > 0) {
      const outcome = readParams(match)
      if (outcome === 'malformed') return runBadRequest(request, context)
      if (outcome === 'no-value') return runFallback(request, context)
      context.params = outcome
    }
    context.route = entry.route
    // Set the limit before the middlewares run, because they may read the content.
    if (entry.maxBodyBytes !== undefined) context.maxBodyBytes = entry.maxBodyBytes
    return run(request, context)
  }

  function passHeadAndDispatch(request: Request, context: Context): Response | Promise<Response> {
    return passHead(
      requestHeadHooks,
      request,
      context,
      (changed) => dispatch(changed, context),
      (refusal) => {
        // Inside the middlewares, so that a page of another origin can read the refusal, and they can answer a preflight.
        context.set(headRefusal, refusal)
        return current().runRefusal(request, context)
      },
    )
  }

  function finish(response: Response, request: Request, context: Context): Response {
    const answer = withMutableHeaders(response)
    for (const hook of headHooks) {
      const head = { status: sentStatus(answer, context), headers: answer.headers }
      refusePromise('useHead', 'nothing', hook(head, request, context))
    }
    return answer
  }

  function fetch(request: Request, given?: unknown): Response | Promise<Response> {
    const context = given instanceof Context ? given : new Context({ platform: given })
    const response =
      requestHeadHooks.length === 0 ? dispatch(request, context) : passHeadAndDispatch(request, context)
    if (headHooks.length === 0) return response
    return isThenable(response)
      ? response.then((answer) => finish(answer, request, context))
      : finish(response, request, context)
  }
  Object.defineProperty(fetch, lightRequestsSymbol, { value: true })

  const adder = (method: string): AddRoute =>
    ((target: string | Route, handler: Handler, options?: RouteOptions) =>
      add(method, target, handler, options)) as AddRoute

  return {
    get: adder('GET'),
    head: adder('HEAD'),
    post: adder('POST'),
    put: adder('PUT'),
    patch: adder('PATCH'),
    delete: adder('DELETE'),
    options: adder('OPTIONS'),
    query: adder('QUERY'),
    all: adder(anyMethod),
    on: ((method: string, target: string | Route, handler: Handler, options?: RouteOptions) =>
      add(method, target, handler, options)) as Router['on'],
    use(middleware: Middleware, options: { readonly stage?: Stage } = {}) {
      middlewares.push(staged(middleware, options.stage))
      routing = undefined
    },
    useHead(hook) {
      checkRequired('hook', hook)
      headHooks.push(hook)
    },
    useRequestHead(hook) {
      checkRequired('hook', hook)
      requestHeadHooks.push(hook)
    },
    fallback(handler) {
      checkRequired('handler', handler)
      fallback = handler
      routing = undefined
    },
    get routes() {
      return current().table.routes
    },
    toString: () => current().table.routes.map(String).join('\n'),
    fetch,
  }
}

function within(middlewares: readonly StagedMiddleware[], handler: Handler): Handler {
  return middlewares.length === 0 ? handler : answering(compose(middlewares, handler))
}

/** Wraps a handler so that an HttpError it throws becomes a response, which the outer middlewares then see. */
function answering(handler: Handler): Handler {
  return (request, context) => {
    try {
      const response = handler(request, context)
      return isThenable(response) ? response.then(undefined, answerHttpError) : response
    } catch (error) {
      return answerHttpError(error)
    }
  }
}

function answerHttpError(error: unknown): Response {
  const answer = asHttpError(error)
  if (answer !== undefined) return httpErrorResponse(answer)
  throw error
}

/** Refuses a request whose announced content is too large. */
function withinLimit(handler: Handler): Handler {
  return (request, context) => {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') {
      const length = Number(request.headers.get('content-length') ?? 0)
      const { maxBodyBytes = Infinity } = context
      if (length > maxBodyBytes) throw tooLargeError(maxBodyBytes)
    }
    return handler(request, context)
  }
}

function acceptingFirst(accept: NonNullable<RouteOptions['accept']>, handler: Handler): Handler {
  return (request, context) => {
    const decide = (refusal: Response | undefined | void): Response | Promise<Response> => {
      return refusal === undefined ? handler(request, context) : refusalOf('accept', refusal)
    }
    const refusal = accept(request, context)
    return isThenable(refusal) ? refusal.then(decide) : decide(refusal)
  }
}

function isRoute(target: string | Route): target is Route {
  return typeof target === 'object' && target !== null && 'segments' in target
}

function isMiddleware(item: unknown): boolean {
  return typeof item === 'function' || (typeof item === 'object' && item !== null && 'middleware' in item)
}

function statusResponse(status: number, headers?: Record<string, string>): Response {
  return httpErrorResponse(new HttpError(status, undefined, { headers }))
}

/** The path of an absolute http or https URL. Avoids the cost of a URL object. */
function pathnameOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return '/'
  const query = url.indexOf('?', start)
  const fragment = url.indexOf('#', start)
  let end = query === -1 ? url.length : query
  if (fragment !== -1 && fragment < end) end = fragment
  return url.slice(start, end)
}
