import type { RouteContext } from '../request/context.ts'
import { checkRequired } from '../options/check-options.ts'
import { RouteError } from '../errors/route-error.ts'

/** Answers a request. */
export type Handler<Params = Readonly<Record<string, unknown>>> = (
  request: Request,
  context: RouteContext<Params>,
) => Response | Promise<Response>

/**
 * Wraps a handler in another handler. The router calls it once, when it builds a route, and not for each request.
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
 * The position of a middleware. `'encoding'` is outermost, for middlewares that change the representation, such as
 * compression; 1, 2, 3... follow inwards. Within a stage, a middleware is outside those that you add later, and global
 * middlewares are outside a route's.
 */
export type Stage = 'encoding' | number

/** A middleware with its stage. */
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
    throw new RouteError('invalid-stage', stage, "A stage must be 'encoding' or an integer of at least 1")
  }
  return { middleware, stage }
}

const depth = (stage: Stage): number => (stage === 'encoding' ? 0 : stage)

/** Wraps the handler in all middlewares, in the order of their stages. */
export function compose(middlewares: readonly StagedMiddleware[], handler: Handler): Handler {
  return (
    middlewares
      // Sorting is stable, so middlewares of the same stage keep their order.
      .toSorted((a, b) => depth(a.stage) - depth(b.stage))
      .reduceRight((next, { middleware }) => middleware(next), handler)
  )
}
