/**
 * Why a connection was lost, or not made:
 *
 * - `network`: DNS, TCP, TLS or HTTP failed, or the response was cut; `cause` is the platform's error. Also
 *   when the chunk with the code for `share: 'origin'` could not be loaded.
 * - `ended`: the server ended the stream cleanly.
 * - `unfinished`: the server ended the stream within an event.
 * - `connect-timeout`: no response headers within `connectTimeoutMs`.
 * - `idle-timeout`: not a byte, heartbeats included, within `idleTimeoutMs`.
 * - `suspended`: the machine slept for a while, or the network changed, and no byte has arrived since: the client no longer
 *   trusts the connection.
 * - `redirect`: a redirect that may not be followed (loop, no http(s) URL, a body that cannot be sent again).
 * - `no-content`: the server answered 204: nothing more will come. Only `EventSource` says so by an error.
 * - `unsupported-url`: the URL has a scheme that cannot carry a stream.
 * - `unsupported-transport`: the `fetch` gives no web stream, or the `dispatcher` is closed, or of undici 6.
 * - `invalid-request`: what `url`, `method`, `headers` or `body` gave cannot be sent; `cause` says why.
 * - `callback`: the user's `url`, `headers`, `body`, `onUnauthorized`, `shouldReconnect` or `lastEventIdStore` threw;
 *   `cause` is what it threw.
 */
export type ConnectionErrorCode =
  | 'network'
  | 'ended'
  | 'unfinished'
  | 'connect-timeout'
  | 'idle-timeout'
  | 'suspended'
  | 'redirect'
  | 'no-content'
  | 'unsupported-url'
  | 'unsupported-transport'
  | 'invalid-request'
  | 'callback'

/**
 * A connection was lost, or could not be made.
 *
 * Not thrown for a response that is not an event stream; that is a `ResponseError`.
 */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: ConnectionErrorCode

  constructor(code: ConnectionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The step that threw. */
export function failedStep(code: ConnectionErrorCode, step: string, cause: unknown): ConnectionError {
  return new ConnectionError(code, `${step} failed: ${String(cause)}`, { cause })
}

/** A new attempt would end the same way. */
export function isFutile({ code }: ConnectionError): boolean {
  return /^(redirect|unsupported|invalid)/.test(code)
}
