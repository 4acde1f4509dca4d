import { textResponse } from '../response/light-response.ts'
import { isStatus, reasonPhrase } from '../response/status.ts'

/** Optional parts of an {@link HttpError}. */
export interface HttpErrorOptions {
  /** Header fields of the response, such as `www-authenticate` or `retry-after`. */
  readonly headers?: ResponseInit['headers'] | undefined
  /** The underlying error, for the logger. The server never sends it to the client. */
  readonly cause?: unknown
}

/**
 * Throw this in a handler or a middleware to answer with a status. The text **is sent to the client**, so it must be safe
 * to show; put anything else into `cause`.
 *
 * If your code throws an error of another class with a `status` from 400 to 499, the client gets that status with its
 * standard text. Every other thrown value becomes a 500 without any detail.
 *
 * @throws RangeError if `status` is not an integer from 400 to 599.
 * @example
 * ```ts
 * throw new HttpError(401, 'Sign in first.', { headers: { 'www-authenticate': 'Bearer' } })
 * ```
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5
 */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code = 'http-error'
  readonly status: number
  readonly headers: Headers

  constructor(
    status: number,
    message: string = reasonPhrase(status) ?? 'Error',
    options: HttpErrorOptions = {},
  ) {
    if (!isStatus(status) || status < 400) {
      throw new RangeError(
        `status of an HttpError: expected an integer from 400 to 599, got ${String(status)}`,
      )
    }
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.headers = new Headers(options.headers)
  }
}

/** Whether a thrown value is an {@link HttpError}. Also recognizes an error from another copy of this package. */
export function isHttpError(error: unknown): error is HttpError {
  return (
    error instanceof HttpError ||
    (error instanceof Error &&
      'code' in error &&
      error.code === 'http-error' &&
      'status' in error &&
      typeof error.status === 'number' &&
      'headers' in error &&
      error.headers instanceof Headers)
  )
}

/**
 * Turns a thrown value into the HttpError to answer with. An {@link HttpError} stays as it is. Any other error with a
 * `status` from 400 to 499, such as those of Express, Koa, h3 and sse-server's `topic`, becomes that status with its
 * standard text, because the error's own text may not be meant for the client.
 *
 * @returns undefined for every other value, which is answered with 500.
 */
export function asHttpError(error: unknown): HttpError | undefined {
  if (isHttpError(error)) return error
  const status: unknown = typeof error === 'object' && error !== null && 'status' in error && error.status
  if (typeof status !== 'number' || !isStatus(status) || status < 400 || status > 499) return undefined
  return new HttpError(status, undefined, { cause: error })
}

/** The response that an {@link HttpError} stands for: its text as `text/plain`, unless its headers say otherwise. */
export function httpErrorResponse(error: HttpError): Response {
  return textResponse(error.message, { status: error.status, headers: error.headers })
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5.14 */
export function tooLargeError(maxBodyBytes: number): HttpError {
  return new HttpError(413, `The request content is larger than ${maxBodyBytes} bytes.`)
}
