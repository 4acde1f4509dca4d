/**
 * The property of a request of this package's server that leads to the server's side of the request. Code that outlives the
 * handler needs it: `request.signal` aborts only if the client leaves, a body is cancelled only if its response was sent,
 * and a middleware may have dropped the response and sent another.
 */
export const servedRequestSymbol: unique symbol = Symbol.for('sse-toolkit.servedRequest')

/** The server's side of a request. */
export interface ServedRequest {
  /** Calls the listener once the response has ended, in whatever way; at once if it has ended already. */
  onEnd(listener: () => void): void
  /** Reports an error to the server's logger, if it is too late for the response to show the error. */
  failed(error: unknown): void
}

/** The server's side of a request; undefined on another host. */
export function servedRequestOf(request: Request): ServedRequest | undefined {
  return (request as { readonly [servedRequestSymbol]?: ServedRequest })[servedRequestSymbol]
}
