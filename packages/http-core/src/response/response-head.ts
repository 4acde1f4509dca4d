import { carryByteSource } from './byte-source.ts'
import { shorten } from '../errors/shorten.ts'

/** The head of a response on its way out. Its fields may be changed; its status may not. */
export interface ResponseHead {
  readonly status: number
  readonly headers: Headers
}

/**
 * The response itself if its header fields can be changed, else a copy of it whose fields can. Those of
 * `Response.redirect()` and of what `fetch()` gave cannot (the guard is "immutable"). The body is handed on, unread.
 *
 * @see https://fetch.spec.whatwg.org/#headers-class
 */
export function withMutableHeaders(response: Response): Response {
  assertResponse(response)
  try {
    // Every change is refused by the guard before it is looked at; this one changes nothing.
    response.headers.delete('x-sse-toolkit-probe')
    return response
  } catch {
    const { status, statusText, headers } = response
    return carryByteSource(response, new Response(response.body, { status, statusText, headers }))
  }
}

/**
 * By its form: a Response of another realm, or of another copy of undici, is as good.
 *
 * @throws TypeError for what a handler without types may answer: nothing, most of the time.
 */
export function assertResponse(given: unknown): asserts given is Response {
  if (!isResponse(given)) throw new TypeError(`The handler answered ${shorten(given)}, not a Response`)
}

/** See {@link assertResponse}. */
export function isResponse(given: unknown): given is Response {
  return (
    typeof given === 'object' && given !== null && 'headers' in given && 'status' in given && 'body' in given
  )
}

/**
 * What a function has answered that may refuse a request. Anything but a Response would let it in by mistake: `null` or
 * `false` cannot mean that the request is accepted.
 */
export function refusalOf(option: string, given: unknown): Response {
  if (isResponse(given)) return given
  throw new TypeError(`${option}: expected a Response or undefined, got ${shorten(given)}.`)
}
