/**
 * Receives a server's log records. The signature is that of pino and many other loggers: fields first, then a sentence.
 * Every record has the field `event` with one of {@link LogEvent}. If the logger throws, the server drops the error.
 */
export interface Logger {
  debug(fields: LogFields, text: string): void
  info(fields: LogFields, text: string): void
  warn(fields: LogFields, text: string): void
  error(fields: LogFields, text: string): void
}

/**
 * - `'listening'`, `'stopping'`, `'stopped'` (info): the server's status changed.
 * - `'request-refused'` (warn): the server refused a request because of a limit or a rule of HTTP; field `status`.
 * - `'handler-failed'` (error): the handler threw something other than an HttpError; the client got 500.
 * - `'body-failed'` (error): the body of a response failed after the head was sent; the server destroyed the connection.
 * - `'connection-dropped'` (warn): the server closed a new connection because `maxConnections` are open.
 * - `'connection-failed'` (warn): a TLS handshake, a PROXY header or an HTTP/2 session failed, or the client stopped
 *   responding; the server closed the connection, or reset the HTTP/2 stream.
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

/** The fields of one record. `error` is the thrown value; `method` and `target` identify the request. */
export interface LogFields {
  /** One of {@link LogEvent}, or the name that `logEventNames` gives to that event. */
  readonly event: LogEvent | (string & {})
  readonly error?: unknown
  readonly method?: string | undefined
  readonly target?: string | undefined
  readonly status?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly reason?: string | undefined
}
