import type { TlsOptions as NodeTlsOptions } from 'node:tls'
import type { LogEvent, Logger } from '../../logger.ts'
import type { Middleware } from '../../middleware/middleware.ts'
import type { RequestContext } from '../../request/context.ts'
import type { Runtime } from '../../runtime.ts'

/** A web handler: the signature that the `fetch` of a router, of a Hono app and of many other frameworks has. */
export type FetchHandler = (request: Request, context: RequestContext) => Response | Promise<Response>

/** A file descriptor or a Unix socket to listen on, instead of a host and a port. */
export type ListenTarget = { readonly fd: number } | { readonly path: string }

/** See {@link ServerOptions.tls}. */
export type TlsOptions = Omit<NodeTlsOptions, 'ALPNProtocols' | 'ALPNCallback'>

/** The proxies that the server believes about the client's address. See {@link ServerOptions.trustProxy}. */
export type TrustProxy = { readonly hops: number } | { readonly addresses: readonly string[] }

/** See {@link createServer}. */
export interface ServerOptions {
  /** Answers the requests. */
  readonly fetch: FetchHandler
  /**
   * The address or host name to listen on. Use `'0.0.0.0'` or `'::'` to listen on all addresses.
   *
   * @defaultValue `'127.0.0.1'`: only clients on this machine can connect
   */
  readonly hostname?: string
  /** The port to listen on. With 0 the system picks a free port; read it from `server.port`. @defaultValue 8080 */
  readonly port?: number
  /**
   * Listens on a Unix socket (`{ path }`) or on a file descriptor that is already open (`{ fd: 3 }`, as under systemd's
   * socket activation). The server replaces a socket file that a dead process left behind. `hostname` and `port` are
   * ignored.
   */
  readonly listen?: ListenTarget
  /**
   * `'on'` lets other processes listen on the same port; the kernel distributes the connections (SO_REUSEPORT). Needs
   * Linux, and Node 22.12 or 23.1 and later.
   *
   * @defaultValue `'off'`
   */
  readonly reusePort?: 'on' | 'off'
  /** Middlewares around `fetch`, outermost first. Use this if `fetch` does not come from a router of this package. */
  readonly middleware?: readonly Middleware[]
  /**
   * How many connections may be open. The server closes further connections at once.
   *
   * @defaultValue 65 536. With Infinity only the system limits the number.
   */
  readonly maxConnections?: number
  /**
   * How long a connection may stay idle between two requests, in milliseconds. The server announces this time in
   * `Keep-Alive` and closes the connection one second later, so that it does not cut off a request that the client sent
   * just in time.
   *
   * @defaultValue 5000. With 0 the server never closes an idle connection.
   */
  readonly idleTimeoutMs?: number
  /**
   * Serves HTTPS. Pass the certificate, its key and any other option of `tls.createServer`, except those for ALPN: the
   * server itself offers the protocols.
   *
   * @defaultValue none: the server speaks plain HTTP
   * @see https://nodejs.org/api/tls.html#tlscreatesecurecontextoptions
   */
  readonly tls?: TlsOptions
  /**
   * Whether the server offers HTTP/2 to clients on TLS (ALPN `h2`). Over HTTP/2 any number of event streams share one
   * connection; over HTTP/1.1 a browser opens at most six connections. Without TLS the server speaks HTTP/1.1 only.
   *
   * @defaultValue `'offer'`. With `'off'` the server speaks HTTP/1.1 only.
   */
  readonly http2?: 'offer' | 'off'
  /**
   * How many streams one HTTP/2 connection may have open, event streams included. The server tells the client this limit,
   * and the client queues further requests.
   *
   * @defaultValue 256
   */
  readonly maxConcurrentStreams?: number
  /**
   * How often the server sends a PING to the client of an HTTP/2 connection, in milliseconds. If the client has sent
   * nothing by the time of the next PING, it has vanished or frozen, and the server closes the connection.
   *
   * @defaultValue 15 000. With 0 the server sends no PING.
   */
  readonly http2PingIntervalMs?: number
  /**
   * How long a connection may be silent before the kernel sends TCP keep-alive probes, in milliseconds; only whole seconds
   * count. On Linux the kernel closes the connection after ten unanswered probes, one second apart.
   *
   * The probes find clients that vanished from a silent HTTP/1.1 stream. While sent data is unacknowledged, the kernel
   * sends no probes, and `tcpUserTimeoutMs` applies instead.
   *
   * @defaultValue 15 000. With 0 the kernel sends no probes.
   */
  readonly tcpKeepAliveMs?: number
  /**
   * How long sent data may stay unacknowledged by the client's kernel, in milliseconds. After that the client or its
   * network has vanished, and the server closes the connection, at most a third of this time later.
   *
   * On systems other than Linux, and with 0, the kernel closes the connection itself, after about fifteen minutes of
   * retransmissions.
   *
   * @see https://www.rfc-editor.org/rfc/rfc5482
   * @defaultValue 30 000. With 0 the server does not check.
   */
  readonly tcpUserTimeoutMs?: number
  /** How long the head of a request may take to arrive, in milliseconds; then 408. @defaultValue 10 000; 0 means no limit */
  readonly headersTimeoutMs?: number
  /** How long a whole request may take to arrive, in milliseconds; then 408. @defaultValue 300 000; 0 means no limit */
  readonly requestTimeoutMs?: number
  /**
   * How long your handler waits for the next kilobyte of request content, in milliseconds. If less arrives in that time,
   * reading the content fails with 408.
   *
   * @defaultValue 20 000. With 0 there is no limit: use this for clients that send small amounts at long intervals.
   */
  readonly bodyIdleTimeoutMs?: number
  /**
   * How long a client may read nothing while a response is waiting for it, in milliseconds. The server then closes the
   * connection, at most a quarter of this time later. Over HTTP/2 it resets the stream.
   *
   * @defaultValue 60 000. With 0 there is no limit.
   */
  readonly responseStallTimeoutMs?: number
  /** The maximum size of the request line and all header fields, in bytes; then 431. @defaultValue 16 384 */
  readonly maxHeaderBytes?: number
  /** How many header fields a request may have; then 431. @defaultValue 100 */
  readonly maxHeaderFields?: number
  /**
   * The maximum size of a request's content, in bytes; then 413.
   *
   * @defaultValue 1 048 576. 0 allows no content; Infinity means no limit.
   */
  readonly maxBodyBytes?: number
  /**
   * The maximum size of the request target, in bytes; then 414. It must be less than `maxHeaderBytes`, because the target
   * counts towards that limit.
   *
   * @defaultValue 8192
   */
  readonly maxTargetBytes?: number
  /**
   * How many requests the server handles at the same time, event streams included. The server answers further requests
   * with 503 and `Retry-After`.
   *
   * @defaultValue 65 536. Infinity means no limit.
   */
  readonly maxRequestsInFlight?: number
  /**
   * How many requests one connection may have in flight, that is, how deep a client may pipeline. The server answers
   * further requests with 503 and `Retry-After`.
   *
   * @defaultValue 64. 1 allows no pipelining; Infinity means no limit.
   */
  readonly maxPipelinedRequests?: number
  /** The value of `Retry-After` in these responses, in seconds. @defaultValue 1 */
  readonly retryAfterSeconds?: number
  /** The high-water mark of each connection, in bytes. Above it `write` returns false. @defaultValue Node's, 65 536 */
  readonly highWaterMarkBytes?: number
  /** The value of the `Server` field. @defaultValue none: responses have no `Server` field */
  readonly serverHeader?: string
  /**
   * The proxies whose `X-Forwarded-For`, `-Proto` and `-Host` fields the server believes.
   *
   * `{ addresses: ['10.0.0.0/8'] }` trusts proxies by address: the client is the last forwarded address that is not a
   * trusted proxy itself. `{ hops: 1 }` trusts a fixed number of proxies in front of the server, whatever their addresses.
   * Use `hops` on a Unix socket, where a proxy has no address.
   *
   * @defaultValue none: any client could write these fields
   */
  readonly trustProxy?: TrustProxy
  /**
   * The kind of `Request` that handlers get.
   *
   * `'light'`: a request object that reads from Node's message only what you ask for. It behaves like a `Request`, except
   * that it cannot be the **first** argument of `new Request()` or `fetch()`: pass `new Request(request.url, request)`
   * instead. `'native'`: a real `Request`. Creating one costs about as much as the rest of a small exchange.
   *
   * @defaultValue `'light'` for the `fetch` of a router of this package. `'native'` for any other handler, so that code
   *   written for other servers runs unchanged.
   */
  readonly requests?: 'light' | 'native'
  /**
   * Whether the server takes the connection of an open event stream away from node:http. The connection then needs a third
   * of the memory. It closes when the stream ends, and the head of the response says so (`Connection: close`).
   *
   * The connection stays with node:http on TLS, over HTTP/2 and HTTP/1.0, if the body is not an event stream of
   * `@sse-toolkit/sse-server`, and while the diagnostics channel `sse-toolkit.http-core.request.end` has subscribers. It
   * also stays there if this release of Node lacks one of the three undocumented features that a handover needs.
   *
   * @defaultValue `'auto'`: wherever possible. `'off'`: never.
   */
  readonly socketHandover?: 'auto' | 'off'
  /**
   * Reads a PROXY header, version 1 or 2, at the start of each connection, before HTTP and TLS. `context.remoteAddress` is
   * then the source that the header names, and `context.proxyHeader` is the whole header.
   *
   * @defaultValue none: the server expects no PROXY header
   * @see https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
   */
  readonly proxyProtocol?: ProxyProtocolOptions
  /**
   * The protocols to which handlers may upgrade a connection (`Upgrade` in HTTP/1.1). If a request asks for any other
   * protocol, the server ignores its `Upgrade` field. If a request names a listed protocol and the handler does not
   * upgrade, the connection closes after the response.
   *
   * @defaultValue `['websocket']`, which `channel` serves
   * @see https://www.iana.org/assignments/http-upgrade-tokens
   */
  readonly upgradeProtocols?: readonly string[]
  /**
   * Request fields whose values are hidden when a request or its `headers` are printed.
   *
   * @defaultValue `authorization`, `cookie`, `proxy-authorization`, `set-cookie`
   */
  readonly secretFields?: readonly string[]
  /**
   * The logger that receives the server's events. `'off'` disables logging.
   *
   * @defaultValue failures (`handler-failed`, `body-failed`, `server-failed`) go to `console.error`; all other events are
   *   dropped
   */
  readonly logger?: Logger | 'off'
  /** Renames log events, for example `{ 'handler-failed': 'app.error' }`. @defaultValue the names of {@link LogEvent} */
  readonly logEventNames?: Readonly<Partial<Record<LogEvent, string>>>
  /**
   * Replaces the clocks and timers, so that tests can run on a virtual clock. `wallClock` sets `context.startTime`; `now`
   * and the timers drive the timeouts. Members that you leave out are the platform's.
   *
   * For HTTP/1.1, Node itself enforces `headersTimeoutMs`, `requestTimeoutMs` and `idleTimeoutMs`, always on the
   * platform's clock.
   *
   * @defaultValue the platform's clocks and timers
   */
  readonly runtime?: Partial<Runtime>
  /**
   * Called when the server accepts connections, before `listen()` resolves. If this function throws, `listen()` rejects
   * with the error, and the server keeps running.
   */
  readonly onListening?: (address: ListeningAddress) => void
}

/** See {@link ServerOptions.proxyProtocol}. */
export interface ProxyProtocolOptions {
  /**
   * `'required'`: the server closes a connection that has no header. `'optional'`: the server also serves connections
   * without a header, for a port that some clients reach directly. This mode needs `from`; otherwise any client could
   * claim another client's address.
   */
  readonly mode: 'required' | 'optional'
  /**
   * The proxies that may send a header: addresses, and networks such as `10.0.0.0/8`.
   *
   * @defaultValue any peer; you must set this option with `'optional'`
   */
  readonly from?: readonly string[]
  /** How long the header may take to arrive, in milliseconds. After that the server closes the connection. @defaultValue 5000 */
  readonly timeoutMs?: number
  /**
   * The maximum size of a version 2 header with its values, in bytes. The server closes a connection whose header is
   * longer.
   *
   * @defaultValue 4096
   */
  readonly maxBytes?: number
}

/** The address or path that a server listens on. */
export type ListeningAddress =
  | {
      readonly kind: 'tcp'
      readonly address: string
      readonly port: number
      readonly family: 'IPv4' | 'IPv6'
    }
  | { readonly kind: 'unix'; readonly path: string }
