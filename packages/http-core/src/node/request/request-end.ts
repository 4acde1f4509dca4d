/**
 * The method of a request of this package's server that tells when the server is done with it. A handler's own signs are
 * not enough: `request.signal` aborts only if the client leaves, and a body is only cancelled if its response was sent. A
 * middleware may have answered otherwise, and dropped the response.
 */
export const requestEndSymbol: unique symbol = Symbol.for('sse-toolkit.requestEnd')

/** A request that tells of its end. */
export interface EndingRequest {
  /** Calls back once the response has ended, whichever it was and however it ended; at once if it has. */
  [requestEndSymbol](listener: () => void): void
}

/** Calls back when the server is done with a request; never on another host, whose requests do not tell. */
export function onRequestEnd(request: Request, listener: () => void): void {
  ;(request as Partial<EndingRequest>)[requestEndSymbol]?.(listener)
}
