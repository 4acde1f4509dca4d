import type { RequestContext, RouteContext } from '../request/context.ts'
import type { Handler, Middleware, Stage, StagedMiddleware } from '../middleware/middleware.ts'
import type { RequestHeadHook } from '../middleware/request-head.ts'
import type { ResponseHead } from '../response/response-head.ts'
import type { Route, RouteParams } from './route.ts'

/** What a route may have besides its handler. */
export interface RouteOptions {
  /**
   * Decides from the head alone whether the request is welcome: a response refuses it. Runs inside the middlewares (so
   * that a refusal carries their fields, CORS for one) and before the handler. As long as no middleware reads the body, it
   * is still on the wire, and a client that expects `100 Continue` has not sent it.
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
   * The content of a request, in bytes; then 413: before `accept` and the handler where the length is announced, else when
   * the content is read (that only on the server of this package). 0: no content at all; Infinity: no limit.
   *
   * @defaultValue `maxBodyBytes` of the server
   */
  readonly maxBodyBytes?: number
  /** Middlewares of this route alone: stage 1 unless `{ middleware, stage }` says otherwise. */
  readonly middleware?: readonly (Middleware | StagedMiddleware)[]
}

/** Adds a route. Gives it back, to build URLs with. */
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
  /** `'ANY'` for one made by `all()`. */
  readonly method: string
  readonly route: Route
  toString(): string
}

/**
 * Sees the head of every response before it is sent, event streams included; may change its fields, not its status. Only
 * the 500 for an uncaught error does not pass through the hook: the host makes it. A hook acts at once: one that
 * throws, or returns a promise, fails the request.
 */
export type HeadHook = (head: ResponseHead, request: Request, context: RouteContext) => void

/** See {@link createRouter}. */
export interface RouterOptions {
  /**
   * Which of several routes gets a request. `'most-specific'`: exact text before a parameter before the rest of the path,
   * whatever the order of registration. `'latest'`: the one that was registered last among all that match, so that a
   * later `all('/admin/**', ...)` overrides whatever was there.
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
  /** QUERY is safe and idempotent as GET is, and has content as POST has. */
  readonly query: AddRoute
  /** Every method. */
  readonly all: AddRoute
  /**
   * Any method, by its name, which is case-sensitive. Over HTTP/1.1 only those of Node's `http.labelledMethods` arrive: its parser
   * answers 400 to others.
   *
   * @throws {@link RouteError} `code: 'invalid-method'` if it is not a token.
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
  /** Adds a {@link HeadHook}; they run in the order they were added, outside all middlewares. */
  useHead(hook: HeadHook): void
  /**
   * Adds a stage over the head of every request: before it is routed, and before its content is read, for event streams and
   * upgrades as for everything else. A hook may change method, URL and fields, which then decide about the route, set
   * `context.maxBodyBytes` and metadata, or refuse the request by a Response or an HttpError, which goes out through the
   * middlewares of `use()`. Hooks run in the order they were added; a promise is waited for.
   *
   * @throws {@link OptionError} if it is not a function.
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
  /** Answers what no route matches. The latest one counts; without any: 404. */
  fallback(handler: Handler): void
  /** The routes that are in effect, in the order they were registered. */
  readonly routes: readonly RegisteredRoute[]
  /** One line for each route. */
  toString(): string
  /**
   * Answers a request. Not bound to anything, so it can be passed on: `createServer({ fetch: router.fetch })`,
   * `Bun.serve({ fetch: router.fetch })`, `Deno.serve(router.fetch)`. What a host other than ours passes as the second
   * argument is found in `context.platform`.
   */
  readonly fetch: (request: Request, context?: unknown) => Response | Promise<Response>
}
