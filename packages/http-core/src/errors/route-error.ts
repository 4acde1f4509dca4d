import { shorten } from './shorten.ts'

/**
 * - `'invalid-pattern'`: the text is not a route pattern.
 * - `'invalid-method'`: the text is not an HTTP method (a token, RFC 9110 section 5.6.2).
 * - `'invalid-stage'`: a middleware's stage is neither `'encoding'` nor an integer of at least 1.
 * - `'missing-param'`, `'invalid-param'`: `route.url()` was not given a parameter, or one that has no form in a path.
 */
export type RouteErrorCode =
  | 'invalid-pattern'
  | 'invalid-method'
  | 'invalid-stage'
  | 'missing-param'
  | 'invalid-param'

/** A route cannot be made, or no URL can be built from it. A mistake of the program, not of a client. */
export class RouteError extends Error {
  override readonly name = 'RouteError'
  readonly code: RouteErrorCode
  /** What was refused: the pattern, the method, the stage, or the parameter's value. */
  readonly value: unknown

  constructor(code: RouteErrorCode, value: unknown, reason: string) {
    super(`${reason}: ${shorten(value)}`)
    this.code = code
    this.value = value
  }
}
