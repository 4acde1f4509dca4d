import { carryByteSource } from './byte-source.ts'
import { shorten } from '../errors/shorten.ts'

/** The head of a response that is about to be sent. You may change the fields, but not the status. */
export interface ResponseHead {
  readonly status: number
  readonly headers: Headers
}

/**
 * Returns the response itself if its header fields can be changed, and otherwise a copy with mutable fields. The fields of
 * `Response.redirect()` and of a response from `fetch()` are immutable. The copy takes over the body unread.
 *
 * @see https://fetch.spec.whatwg.org/#headers-class
 */
export function withMutableHeaders(response: Response): Response {
  assertResponse(response)
  try {
    // An immutable guard refuses every change, even one that has no effect, like this one.
    response.headers.delete('x-sse-toolkit-probe')
    return response
  } catch {
    const { status, statusText, headers } = response
    return carryByteSource(response, new Response(response.body, { status, statusText, headers }))
  }
}

/**
 * Checks that a handler returned a Response. The check is structural, so that a Response of another realm or of another
 * copy of undici passes.
 *
 * @throws TypeError for anything else. Untyped handlers mostly return undefined by mistake.
 */
export function assertResponse(given: unknown): asserts given is Response {
  if (!isResponse(given)) throw new TypeError(`The handler: expected a Response, got ${shorten(given)}`)
}

/** See {@link assertResponse}. */
export function isResponse(given: unknown): given is Response {
  return (
    typeof given === 'object' && given !== null && 'headers' in given && 'status' in given && 'body' in given
  )
}

/**
 * Checks the return value of a function that refuses a request with a Response.
 *
 * @throws TypeError for any other value. `null` or `false`, for example, must not let the request in by mistake.
 */
export function refusalOf(option: string, given: unknown): Response {
  if (isResponse(given)) return given
  throw new TypeError(`${option}: expected a Response or undefined, got ${shorten(given)}.`)
}
