import type { RequestContext, RouteContext } from '../request/context.ts'
import type { Handler, Middleware, Stage, StagedMiddleware } from '../middleware/middleware.ts'
import type { RequestHeadHook } from '../middleware/request-head.ts'
import type { ResponseHead } from '../response/response-head.ts'
import type { Route, RouteParams } from './route.ts'

/** Options of a route. */
export interface RouteOptions {
  /**
   * Decides from the head alone whether to accept the request: return a response to refuse it.
   *
   * `accept` runs before the handler and inside the middlewares, so a refusal has the fields that they add, such as those
   * of CORS. Unless a middleware reads the body, the content is not read yet, and a client that expects `100 Continue` has
   * not sent it.
   *
   * @example
   * ```ts
   * router.post('/upload', store, {
   *   accept: (request) => {
   *     if (request.headers.get('content-type') !== 'image/png') return new Response(null, { status: 415 })
   *   },
   * })
   * ```
   */
  readonly accept?: (
    request: Request,
    context: RequestContext,
  ) => Response | undefined | void | Promise<Response | undefined | void>
  /**
   * The maximum size of a request's content, in bytes; then 413. If the request announces its length, the 413 comes before
   * `accept` and the handler run. Otherwise, and only on the server of this package, reading the content fails. 0 allows
   * no content; Infinity means no limit.
   *
   * @defaultValue `maxBodyBytes` of the server
   */
  readonly maxBodyBytes?: number
  /** Middlewares for this route only. They have stage 1, unless you pass `{ middleware, stage }`. */
  readonly middleware?: readonly (Middleware | StagedMiddleware)[]
}

/** Adds a route and returns it, so that you can build URLs with it. */
export interface AddRoute {
  /**
   * @throws {@link RouteError} `code: 'invalid-pattern'`
   * @throws {@link OptionError} for an invalid handler or option.
   */
  <const Pattern extends string>(
    pattern: Pattern,
    handler: Handler<RouteParams<Pattern>>,
    options?: RouteOptions,
  ): Route<RouteParams<Pattern>>
  <Params>(route: Route<Params>, handler: Handler<Params>, options?: RouteOptions): Route<Params>
}

/** A route with its method. Prints as `GET /rooms/:room`. */
export interface RegisteredRoute {
  /** The method; `'ANY'` for a route added by `all()`. */
  readonly method: string
  readonly route: Route
  toString(): string
}

/**
 * Gets the head of every response before it is sent, event streams included. The hook may change the fields, but not the
 * status. It does not get the 500 for an uncaught error, because the host makes that response. The hook must be
 * synchronous: if it throws or returns a promise, the request fails.
 */
export type HeadHook = (head: ResponseHead, request: Request, context: RouteContext) => void

/** See {@link createRouter}. */
export interface RouterOptions {
  /**
   * Which route gets a request that several routes match.
   *
   * `'most-specific'`: exact text wins over a parameter, and a parameter over the rest of the path, whatever the order of
   * registration. `'latest'`: the route that was registered last wins, so that a later `all('/admin/**', ...)` overrides
   * all earlier routes below `/admin`.
   *
   * @defaultValue `'most-specific'`
   */
  readonly precedence?: 'most-specific' | 'latest'
}

/** See {@link createRouter}. */
export interface Router {
  readonly get: AddRoute
  readonly head: AddRoute
  readonly post: AddRoute
  readonly put: AddRoute
  readonly patch: AddRoute
  readonly delete: AddRoute
  readonly options: AddRoute
  /** Adds a route for QUERY, which is safe and idempotent like GET, and has content like POST. */
  readonly query: AddRoute
  /** Adds a route for every method. */
  readonly all: AddRoute
  /**
   * Adds a route for the method that you name. Method names are case-sensitive. Over HTTP/1.1, only the methods in
   * `http.METHODS` reach the router: Node's parser refuses others, and the server answers 400.
   *
   * @throws {@link RouteError} `code: 'invalid-method'` if the method is not a token.
   */
  on<const Pattern extends string>(
    method: string,
    pattern: Pattern,
    handler: Handler<RouteParams<Pattern>>,
    options?: RouteOptions,
  ): Route<RouteParams<Pattern>>
  on<Params>(
    method: string,
    route: Route<Params>,
    handler: Handler<Params>,
    options?: RouteOptions,
  ): Route<Params>
  /**
   * Puts a middleware around every route, the fallback and the router's own answers.
   *
   * @throws {@link RouteError} `code: 'invalid-stage'` unless the stage is `'encoding'` or an integer of at least 1.
   */
  use(middleware: Middleware, options?: { readonly stage?: Stage }): void
  /** Adds a {@link HeadHook}. Hooks run in the order in which you add them, outside all middlewares. */
  useHead(hook: HeadHook): void
  /**
   * Adds a hook that gets the head of every request, also of event streams and upgrades, before the router chooses a route
   * and before the content is read.
   *
   * The hook may change the method, the URL and the fields; the router then routes by these. It may set
   * `context.maxBodyBytes` and metadata. To refuse the request, it returns a Response or throws an HttpError, which passes
   * through the middlewares of `use()`. The hook may be asynchronous. Hooks run in the order in which you add them.
   *
   * @throws {@link OptionError} if the hook is not a function.
   * @example
   * ```ts
   * router.useRequestHead((head) => {
   *   const method = head.headers.get('x-http-method-override')
   *   if (head.method === 'POST' && method !== null) head.method = method
   *   if (new URL(head.url).pathname.startsWith('/internal')) throw new HttpError(403)
   * })
   * ```
   */
  useRequestHead(hook: RequestHeadHook): void
  /**
   * Sets the handler for requests that no route matches. A later call replaces the handler. Without a fallback the router
   * answers 404.
   */
  fallback(handler: Handler): void
  /** The routes in effect, in the order of registration. */
  readonly routes: readonly RegisteredRoute[]
  /** Prints one line for each route. */
  toString(): string
  /**
   * Answers a request. The function does not use `this`, so you can pass it on: `createServer({ fetch: router.fetch })`,
   * `Bun.serve({ fetch: router.fetch })`, `Deno.serve(router.fetch)`. If another host passes a second argument, you find it
   * in `context.platform`.
   */
  readonly fetch: (request: Request, context?: unknown) => Response | Promise<Response>
}
