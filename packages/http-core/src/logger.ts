/**
 * Where a server writes what happens. The form of pino, and of many others: fields first, then a sentence. Every
 * record has the field `event` with one of {@link LogEvent}. A logger that throws is survived.
 */
export interface Logger {
  debug(fields: LogFields, text: string): void
  info(fields: LogFields, text: string): void
  warn(fields: LogFields, text: string): void
  error(fields: LogFields, text: string): void
}

/**
 * - `'listening'`, `'stopping'`, `'stopped'` (info): the server's life.
 * - `'request-refused'` (warn): a limit or a rule of HTTP refused a request; field `status`.
 * - `'handler-failed'` (error): the handler threw something other than an HttpError; the client got 500.
 * - `'body-failed'` (error): the body of a response failed after its head had been sent; the connection was destroyed.
 * - `'connection-dropped'` (warn): `maxConnections` was reached.
 * - `'connection-failed'` (warn): a TLS handshake, a PROXY header or an HTTP/2 session broke; the connection was closed.
 * - `'server-failed'` (error): the listening socket failed, or a listener threw.
 */
export type LogEvent =
  | 'listening'
  | 'stopping'
  | 'stopped'
  | 'request-refused'
  | 'handler-failed'
  | 'body-failed'
  | 'connection-dropped'
  | 'connection-failed'
  | 'server-failed'

/** The fields of one record. `error` is the value that was thrown; `method` and `target` name the request. */
export interface LogFields {
  /** One of {@link LogEvent}, or the name that `logEventNames` gives it. */
  readonly event: LogEvent | (string & {})
  readonly error?: unknown
  readonly method?: string | undefined
  readonly target?: string | undefined
  readonly status?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly reason?: string | undefined
}
