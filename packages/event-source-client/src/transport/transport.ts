/** By its shape: not every platform has the class, and a polyfill has another one. */
export function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return typeof (body as { getReader?: unknown } | null | undefined)?.getReader === 'function'
}

/** One HTTP request, ready to be sent. */
export interface TransportRequest {
  /** Absolute. */
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: RequestInit['body']
  /** For transports with a cookie jar: fetch in browsers. */
  readonly credentials: NonNullable<RequestInit['credentials']>
  /** Lower-case names of fields that a redirect must not carry to another origin, besides the usual ones. */
  readonly secretHeaders: readonly string[]
}

export interface TransportResponse {
  readonly status: number
  readonly headers: Headers
  /** The URL that answered, after redirects. */
  readonly url: string
}

/** Receives `onResponse` once, then `onData` any number of times; `onEnd` or `onError` is the last call. */
export interface TransportSink {
  onResponse(response: TransportResponse): void
  /** The bytes are only valid during the call. */
  onData(chunk: Uint8Array): void
  /** The response is complete: its framing says that nothing was cut off. */
  onEnd(): void
  /** DNS, TCP, TLS, HTTP failed; a `ConnectionError` is passed on as it is. */
  onError(error: unknown): void
}

export interface TransportExchange {
  /** Stops reading from the socket, so that TCP pushes back; what is in hand may still arrive. */
  pause(): void
  resume(): void
  /** Closes the connection in any state. The sink is not called again. */
  abort(): void
}

/**
 * Does one HTTP exchange, redirects included.
 *
 * It never calls the sink before it has returned, sends exactly one request per call (no retries), and has no timeouts
 * of its own: the client owns the timers.
 */
export type Transport = (request: TransportRequest, sink: TransportSink) => TransportExchange
