/**
 * - `status`: the status is not that of an event stream.
 * - `content-type`: the status is, but the media type is not `text/event-stream`.
 */
export type ResponseErrorCode = 'status' | 'content-type'

/**
 * The server answered, but not with an event stream.
 *
 * Not thrown for 204, by which a server says that nothing more will come.
 */
export class ResponseError extends Error {
  override readonly name = 'ResponseError'
  declare readonly code: ResponseErrorCode
  declare readonly status: number
  declare readonly headers: Headers
  /** The final URL, after redirects. */
  declare readonly url: string
  /** The first 4096 bytes of the body at most, as UTF-8 text: usually the server's own message. */
  declare readonly body: string

  constructor(
    code: ResponseErrorCode,
    message: string,
    { status, headers, url }: { readonly status: number; readonly headers: Headers; readonly url: string },
    body: string,
  ) {
    super(message)
    Object.assign(this, { code, status, headers, url, body })
  }
}
