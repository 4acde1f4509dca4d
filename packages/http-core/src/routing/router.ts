import { addRoute, createRouter as createTree, findRoute } from 'rou3'
import type { MatchedRoute, RouterContext as Tree } from 'rou3'
import { tooLargeError } from '../errors/http-error.ts'
import { checkBodyLimit, checkFunction, checkList, checkRequired, isToken } from '../options/check-options.ts'
import { refusePromise } from '../options/decision.ts'
import { bodyLimitOf } from '../request/body-limit.ts'
import { Context } from '../request/context.ts'
import { shorten } from '../errors/shorten.ts'
import { asHttpError, HttpError, httpErrorResponse } from '../errors/http-error.ts'
import { RouteError } from '../errors/route-error.ts'
import { lightRequestsSymbol } from '../request/light-requests.ts'
import { compose, staged } from '../middleware/middleware.ts'
import type { Handler, Middleware, Stage, StagedMiddleware } from '../middleware/middleware.ts'
import { decoded } from './param-codec.ts'
import type { ParamCodec } from './param-codec.ts'
import { isResponse, withMutableHeaders } from '../response/response-head.ts'
import { sentStatus } from '../response/sent-status.ts'
import { isThenable } from '../thenable.ts'
import { matcherPattern } from './route-pattern.ts'
import { route as makeRoute } from './route.ts'
import type { Route } from './route.ts'
import type { AddRoute, HeadHook, RegisteredRoute, RouteOptions, Router } from './router-types.ts'

const malformedEncoding = /%(?![0-9A-Fa-f]{2})/
/** rou3's name for "whatever the method". */
const anyMethod = ''

/** One registration. */
interface Entry extends RegisteredRoute {
  /** As rou3 takes it. */
  readonly matched: string
  readonly handler: Handler
  readonly maxBodyBytes: number | undefined
  readonly middlewares: readonly StagedMiddleware[]
  readonly params: readonly { readonly name: string; readonly codec: ParamCodec<unknown> }[]
  /** rou3 also names what a bare `**` took; our params do not. */
  readonly hasUnnamed: boolean
  /** Method and shape: a later registration with the same key takes the place of an earlier one. */
  readonly key: string
}

/** A registration inside its middlewares, as the tree holds it. */
interface Compiled {
  readonly entry: Entry
  readonly run: Handler
  /** The automatic answer to OPTIONS inside the same middlewares: a CORS preflight is theirs to answer. */
  readonly runOptions: Handler
}

interface Routing {
  readonly tree: Tree<Compiled>
  readonly methods: readonly string[]
  readonly routes: readonly Entry[]
  readonly runFallback: Handler
  readonly runMethodNotAllowed: Handler
  readonly runOptions: Handler
  readonly runBadRequest: Handler
}

/**
 * Makes a router: typed routes, middleware in stages, and a `fetch` for {@link createServer} or for any host of web
 * handlers (Bun, Deno, Workers).
 *
 * - Exact segments win over parameters, parameters over the rest of a path. Among equally specific routes a route for
 *   the method wins over `all()`, and then **the one registered last wins**.
 * - A path that has routes, but none for the method, answers 405 with `Allow`. A `HEAD` without a route of its own is
 *   answered by the `GET` route (the server leaves the content out), an `OPTIONS` by 204 with `Allow`; that answer runs
 *   inside the middlewares of the route which `Access-Control-Request-Method` asks about.
 * - Whatever matches nothing goes to the fallback, else 404. A malformed percent-encoding in the path answers 400.
 *
 * @example
 * ```ts
 * const router = createRouter()
 * router.get('/rooms/:room', (_request, { params }) => textResponse(params.room))
 * const server = createServer({ fetch: router.fetch })
 * ```
 */
export function createRouter(): Router {
  const entries: Entry[] = []
  const middlewares: StagedMiddleware[] = []
  const headHooks: HeadHook[] = []
  let fallback: Handler = () => statusResponse(404)
  /** Put together at the first request after a change; routes are seldom added later. */
  let routing: Routing | undefined

  function add(method: string, target: string | Route, handler: Handler, options: RouteOptions = {}): Route {
    if (method !== anyMethod && !isToken(method)) {
      throw new RouteError('invalid-method', method, 'A method is a token (RFC 9110 section 5.6.2)')
    }
    const route = isRoute(target) ? target : (makeRoute(target) as Route)
    const { accept } = options
    checkRequired('handler', handler)
    checkFunction('accept', accept)
    checkBodyLimit('maxBodyBytes', options.maxBodyBytes)
    checkList('middleware', options.middleware, isMiddleware, 'middlewares')
    const shown = method === anyMethod ? 'ANY' : method
    entries.push({
      method: shown,
      matched: method,
      route,
      handler: answering(withinLimit(accept === undefined ? handler : acceptingFirst(accept, handler))),
      maxBodyBytes: options.maxBodyBytes ?? bodyLimitOf(handler),
      middlewares: (options.middleware ?? []).map((given) =>
        typeof given === 'function' ? staged(given) : staged(given.middleware, given.stage),
      ),
      params: route.segments
        .filter((segment) => segment.kind === 'param' || segment.kind === 'rest')
        .map(({ name }) => ({ name, codec: route.codecs[name] ?? decoded })),
      hasUnnamed: route.segments.some((segment) => segment.kind === 'anything'),
      key: `${method} ${matcherPattern(route.segments, route.codecs, 'erased')}`,
      toString: () => `${shown} ${String(route)}`,
    })
    routing = undefined
    return route
  }

  function build(): Routing {
    // Latest first: rou3 lets the first of equals win, we the last.
    const latest = new Map(entries.map((entry) => [entry.key, entry]))
    const effective = entries.filter((entry) => latest.get(entry.key) === entry).toReversed()
    const tree = createTree<Compiled>()
    const compiled = effective.map((entry): Compiled => {
      const around = [...middlewares, ...entry.middlewares]
      return { entry, run: within(around, entry.handler), runOptions: within(around, answerOptions) }
    })
    const insert = (method: string, item: Compiled): void => {
      const { segments, codecs } = item.entry.route
      addRoute(tree, method, matcherPattern(segments, codecs), item)
    }
    for (const item of compiled) insert(item.entry.matched, item)
    // After all that was registered: an automatic HEAD never takes the place of a real one.
    for (const item of compiled) if (item.entry.matched === 'GET') insert('HEAD', item)
    const methods = new Set(effective.map((entry) => entry.matched))
    if (methods.delete('GET')) methods.add('GET').add('HEAD')
    methods.delete(anyMethod)
    return {
      tree,
      methods: [...methods].toSorted(),
      routes: effective.toReversed(),
      runFallback: within(middlewares, answering(withinLimit(fallback))),
      runMethodNotAllowed: within(middlewares, (request) =>
        statusResponse(405, { allow: allowed(pathnameOf(request.url)).join(', ') }),
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

  /** The methods that the path has, for `Allow`. */
  function allowed(path: string): string[] {
    const { tree, methods } = current()
    const found = methods.filter((method) => findRoute(tree, method, path, { params: false }) !== undefined)
    return found.length === 0 || found.includes('OPTIONS') ? found : [...found, 'OPTIONS']
  }

  const answerOptions: Handler = (request) =>
    new Response(null, { status: 204, headers: { allow: allowed(pathnameOf(request.url)).join(', ') } })

  function unmatched(request: Request, path: string): Handler {
    const { tree, runFallback, runMethodNotAllowed, runOptions } = current()
    if (allowed(path).length === 0) return runFallback
    if (request.method !== 'OPTIONS') return runMethodNotAllowed
    const asked = request.headers.get('access-control-request-method')
    const match = asked === null ? undefined : findRoute(tree, asked, path, { params: false })
    return match?.data.runOptions ?? runOptions
  }

  function dispatch(request: Request, context: Context): Response | Promise<Response> {
    const path = pathnameOf(request.url)
    const { tree, runBadRequest, runFallback } = current()
    if (path.includes('%') && malformedEncoding.test(path)) return runBadRequest(request, context)
    const match = findRoute(tree, request.method, path)
    if (match === undefined) return unmatched(request, path)(request, context)
    const { entry, run } = match.data
    if (entry.params.length > 0) {
      const outcome = readParams(entry, match)
      if (outcome === 'malformed') return runBadRequest(request, context)
      if (outcome === 'no-value') return runFallback(request, context)
      context.params = outcome
    }
    context.route = entry.route
    // Before the middlewares, which may read the content.
    if (entry.maxBodyBytes !== undefined) context.maxBodyBytes = entry.maxBodyBytes
    return run(request, context)
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
    const response = dispatch(request, context)
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
    fallback(handler) {
      checkRequired('handler', handler)
      fallback = handler
      routing = undefined
    },
    get routes() {
      return current().routes
    },
    toString: () => current().routes.map(String).join('\n'),
    fetch,
  }
}

function within(middlewares: readonly StagedMiddleware[], handler: Handler): Handler {
  return middlewares.length === 0 ? handler : answering(compose(middlewares, handler))
}

/** The handler with the HttpErrors it throws turned into responses, so that the middlewares outside see those. */
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

/** Refuses content that says of itself that it is too large. */
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
      if (refusal === undefined) return handler(request, context)
      // Anything else refuses: `null` or `false` cannot mean that the request is accepted.
      if (!isResponse(refusal)) {
        throw new TypeError(`accept: expected a Response or undefined, got ${shorten(refusal)}.`)
      }
      return refusal
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

function readParams(
  entry: Entry,
  match: MatchedRoute<Compiled>,
): Readonly<Record<string, unknown>> | 'malformed' | 'no-value' {
  // rou3 made the object for this match alone.
  const params: Record<string, unknown> = match.params ?? {}
  for (const { name, codec } of entry.params) {
    let value: unknown
    try {
      value = codec.parse(params[name] as string)
    } catch (error) {
      if (error instanceof URIError) return 'malformed'
      throw error
    }
    if (value === undefined) return 'no-value'
    params[name] = value
  }
  if (entry.hasUnnamed) {
    delete params['0']
    delete params['_']
  }
  return params
}

/** The path of an absolute http or https URL, without the cost of a URL object. */
function pathnameOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return '/'
  for (let index = start; index < url.length; index += 1) {
    const code = url.codePointAt(index)
    if (code === 0x3f || code === 0x23) return url.slice(start, index)
  }
  return url.slice(start)
}
