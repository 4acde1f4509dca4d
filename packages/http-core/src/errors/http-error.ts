import { textResponse } from '../light-response.ts'
import { isStatus, reasonPhrase } from '../status.ts'

/** What an {@link HttpError} is made of, beside its status and text. */
export interface HttpErrorOptions {
  /** Header fields of the response, such as `www-authenticate` or `retry-after`. */
  readonly headers?: ResponseInit['headers'] | undefined
  /** What went wrong underneath. For the logger: it never reaches the client. */
  readonly cause?: unknown
}

/**
 * Thrown by a handler or a middleware to answer with a status. The text **is sent to the client**, so it must be safe
 * to show; whatever is not goes into `cause`. Every other thrown value becomes a 500 without any detail.
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
      throw new RangeError(`The status of an HttpError is an integer from 400 to 599, not ${String(status)}`)
    }
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.headers = new Headers(options.headers)
  }
}

/** Whether a thrown value is an {@link HttpError}, also one of another copy of this package. */
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

/** The response that an {@link HttpError} stands for: its text as `text/plain`, unless its headers say otherwise. */
export function httpErrorResponse(error: HttpError): Response {
  return textResponse(error.message, { status: error.status, headers: error.headers })
}
