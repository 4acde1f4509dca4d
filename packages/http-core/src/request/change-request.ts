/** What another request in the place of a given one differs in. */
export interface RequestChange {
  readonly method?: string
  readonly url?: string
  readonly headers?: Headers
  /** In place of the request's own content. */
  readonly body?: ReadableStream<Uint8Array>
}

/**
 * The method of a request of this package's server that makes the changed one: it stays connected to the server, and its
 * content stays unread. Registered, so that every copy of this package agrees.
 */
export const changeRequestSymbol: unique symbol = Symbol.for('sse-toolkit.changeRequest')

/** A request that its host can change. */
interface ChangeableRequest {
  [changeRequestSymbol](change: RequestChange): Request
}

/** Whether the request is one of this package's server. */
export function isChangeable(request: Request): request is Request & ChangeableRequest {
  return changeRequestSymbol in request
}

/** The request with the change; its content is handed on, unread. GET and HEAD have none (Fetch, section 5.4). */
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
