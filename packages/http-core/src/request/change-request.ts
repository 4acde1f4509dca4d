/** The changes that {@link changeRequest} makes to a request. */
export interface RequestChange {
  readonly method?: string
  readonly url?: string
  readonly headers?: Headers
  /** Replaces the request's own content. */
  readonly body?: ReadableStream<Uint8Array>
}

/**
 * The method with which a request of this package's server creates a changed request. The new request stays connected to
 * the server, and its content stays unread. The symbol is registered, so that all copies of this package share it.
 */
export const changeRequestSymbol: unique symbol = Symbol.for('sse-toolkit.changeRequest')

/** A request of this package's server, which can be changed. */
interface ChangeableRequest {
  [changeRequestSymbol](change: RequestChange): Request
}

/** Whether the request comes from this package's server. */
export function isChangeable(request: Request): request is Request & ChangeableRequest {
  return changeRequestSymbol in request
}

/** Returns the request with the change, and passes its content on unread. GET and HEAD have no content (Fetch, section 5.4). */
export function changeRequest(request: Request, change: RequestChange): Request {
  if (isChangeable(request)) return request[changeRequestSymbol](change)
  const { method = request.method, url = request.url, headers = request.headers } = change
  const body = change.body ?? request.body
  const { signal } = request
  if (body === null || method === 'GET' || method === 'HEAD')
    return new Request(url, { method, headers, signal })
  return new Request(url, {
    method,
    headers,
    signal,
    body: body as ReadableStream<Uint8Array>,
    duplex: 'half',
  })
}
