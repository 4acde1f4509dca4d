import { shorten } from './shorten.ts'

/**
 * - `'invalid-pattern'`: the text is not a route pattern.
 * - `'invalid-method'`: the text is not an HTTP method (a token, RFC 9110 section 5.6.2).
 * - `'invalid-stage'`: a middleware's stage is neither `'encoding'` nor an integer of at least 1.
 * - `'missing-param'`: a parameter is missing from the call of `route.url()`.
 * - `'invalid-param'`: a parameter of `route.url()` cannot be written in a path.
 */
export type RouteErrorCode =
  | 'invalid-pattern'
  | 'invalid-method'
  | 'invalid-stage'
  | 'missing-param'
  | 'invalid-param'

/** A route is invalid, or no URL can be built from it. The program has the mistake, not a client. */
export class RouteError extends Error {
  override readonly name = 'RouteError'
  readonly code: RouteErrorCode
  /** The invalid pattern, method, stage or parameter value; for `'missing-param'` the name of the parameter. */
  readonly value: unknown

  constructor(code: RouteErrorCode, value: unknown, reason: string) {
    super(`${reason}: ${shorten(value)}`)
    this.code = code
    this.value = value
  }
}
