import type { RouteContext } from '../request/context.ts'
import { checkRequired } from '../options/check-options.ts'
import { RouteError } from '../errors/route-error.ts'

/** Answers a request. */
export type Handler<Params = Readonly<Record<string, unknown>>> = (
  request: Request,
  context: RouteContext<Params>,
) => Response | Promise<Response>

/**
 * Makes a handler around a handler. Called once when the routes are put together, not once per request.
 *
 * @example
 * ```ts
 * const timing: Middleware = (next) => async (request, context) => {
 *   const response = await next(request, context)
 *   console.log(request.method, request.url, response.status, Date.now() - context.startTime)
 *   return response
 * }
 * ```
 */
export type Middleware = (next: Handler) => Handler

/**
 * Where a middleware stands: `'encoding'` is outermost, for what changes the representation (compression); then 1, 2, 3...
 * inwards. Within a stage, the one that was added first is the outer one, and the global ones are outside a route's.
 */
export type Stage = 'encoding' | number

/** A middleware and its place. */
export interface StagedMiddleware {
  readonly middleware: Middleware
  readonly stage: Stage
}

/**
 * @throws {@link RouteError} `code: 'invalid-stage'` unless the stage is `'encoding'` or an integer of at least 1.
 * @throws {@link OptionError} for a middleware that is not a function.
 */
export function staged(middleware: Middleware, stage: Stage = 1): StagedMiddleware {
  checkRequired('middleware', middleware)
  if (stage !== 'encoding' && !(Number.isSafeInteger(stage) && stage >= 1)) {
    throw new RouteError('invalid-stage', stage, "A stage is 'encoding' or an integer of at least 1")
  }
  return { middleware, stage }
}

const depth = (stage: Stage): number => (stage === 'encoding' ? 0 : stage)

/** The handler inside all the middlewares, in the order of their stages. */
export function compose(middlewares: readonly StagedMiddleware[], handler: Handler): Handler {
  return (
    middlewares
      // Sorting is stable: within a stage the order of registration stays.
      .toSorted((a, b) => depth(a.stage) - depth(b.stage))
      .reduceRight((next, { middleware }) => middleware(next), handler)
  )
}
