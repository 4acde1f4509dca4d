/**
 * The property of a request of this package's server that leads to the server. What a handler sees otherwise is not enough
 * for what outlives it: `request.signal` aborts only if the client leaves, a body is only cancelled if its response was
 * sent, and a middleware may have answered otherwise, and dropped the response.
 */
export const servedRequestSymbol: unique symbol = Symbol.for('sse-toolkit.servedRequest')

/** The server's side of a request. */
export interface ServedRequest {
  /** Calls back once the response has ended, whichever it was and however it ended; at once if it has. */
  onEnd(listener: () => void): void
  /** Reports an error to the server's logger that an answer can no longer show. */
  failed(error: unknown): void
}

/** The server's side of a request; undefined on another host. */
export function servedRequestOf(request: Request): ServedRequest | undefined {
  return (request as { readonly [servedRequestSymbol]?: ServedRequest })[servedRequestSymbol]
}
