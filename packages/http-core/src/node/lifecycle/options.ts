import type { TlsOptions as NodeTlsOptions } from 'node:tls'
import type { LogEvent, Logger } from '../../logger.ts'
import type { Middleware } from '../../middleware/middleware.ts'
import type { RequestContext } from '../../request/context.ts'
import type { Runtime } from '../../runtime.ts'

/** A web handler: what `fetch` of a router, of a Hono app and of many other frameworks is. */
export type FetchHandler = (request: Request, context: RequestContext) => Response | Promise<Response>

/** Where to listen other than on a host and a port. */
export type ListenTarget = { readonly fd: number } | { readonly path: string }

/** See {@link ServerOptions.tls}. */
export type TlsOptions = Omit<NodeTlsOptions, 'ALPNProtocols' | 'ALPNCallback'>

/** Which proxies may say who the client is. See {@link ServerOptions.trustProxy}. */
export type TrustProxy = { readonly hops: number } | { readonly addresses: readonly string[] }

/** See {@link createServer}. */
export interface ServerOptions {
  /** Answers the requests. */
  readonly fetch: FetchHandler
  /** The address or name to listen on. @defaultValue `'127.0.0.1'`: only this machine; `'0.0.0.0'` and `'::'` are everywhere */
  readonly hostname?: string
  /** 0 takes a free one, which `server.port` then tells. @defaultValue 8080 */
  readonly port?: number
  /**
   * Listens elsewhere: on a Unix socket (`{ path }`; one that a dead process left behind is replaced), or on a
   * descriptor that somebody opened for us (`{ fd: 3 }` under systemd's socket activation). `hostname` and `port` do
   * not count then.
   */
  readonly listen?: ListenTarget
  /**
   * Whether other processes may listen on the same port, and the kernel deals the connections out (SO_REUSEPORT): on
   * Linux, with Node 22.12 or 23.1 and later.
   *
   * @defaultValue `'off'`
   */
  readonly reusePort?: 'on' | 'off'
  /** Middlewares around `fetch`, outermost first, for handlers that are not a router of ours. */
  readonly middleware?: readonly Middleware[]
  /** Open connections at most; further ones are closed at once. @defaultValue 65 536; Infinity: as many as the system gives */
  readonly maxConnections?: number
  /**
   * How long a connection may wait between two requests, in milliseconds, which `Keep-Alive` announces to the client; the
   * server itself waits a second more, so that a request just on its way is not cut.
   *
   * @defaultValue 5000; 0: forever
   */
  readonly idleTimeoutMs?: number
  /**
   * Serves HTTPS: the certificate, its key and whatever else `tls.createServer` takes, but for the protocols, which
   * are this server's to offer.
   *
   * @defaultValue none, plain HTTP
   * @see https://nodejs.org/api/tls.html#tlscreatesecurecontextoptions
   */
  readonly tls?: TlsOptions
  /**
   * Whether a client on TLS may choose HTTP/2 (ALPN `h2`), in which any number of event streams share one connection: a
   * browser opens six at most over HTTP/1.1.
   *
   * @defaultValue `'offer'`; `'off'`: HTTP/1.1 alone. Without TLS there is no HTTP/2.
   */
  readonly http2?: 'offer' | 'off'
  /**
   * The most streams of one HTTP/2 connection, event streams included. The client learns the limit, and queues further requests.
   *
   * @defaultValue 256
   */
  readonly maxConcurrentStreams?: number
  /**
   * How often the client of an HTTP/2 connection is asked for a sign of life (PING), in milliseconds. A connection whose
   * client has sent nothing by the next time is closed: it vanished without a word, or froze.
   *
   * @defaultValue 15 000; 0: never
   */
  readonly http2PingIntervalMs?: number
  /**
   * How long a connection may be silent before the kernel asks the kernel at the other end whether it is still there, in
   * milliseconds, of which whole seconds count; after ten questions a second apart without an answer the connection is
   * closed (on Linux). It finds clients that vanished from a silent HTTP/1.1 stream; while something that was sent is not
   * acknowledged, `tcpUserTimeoutMs` decides in its place.
   *
   * @defaultValue 15 000; 0: never
   */
  readonly tcpKeepAliveMs?: number
  /**
   * How long what was sent to a client may remain unacknowledged by its kernel, in milliseconds; then the connection is
   * closed, up to a third of that time later: the client vanished, or its network did. Elsewhere than on Linux, and with
   * 0, the kernel's own retransmission timeout decides, after some fifteen minutes.
   *
   * @see https://www.rfc-editor.org/rfc/rfc5482
   * @defaultValue 30 000; 0: never
   */
  readonly tcpUserTimeoutMs?: number
  /** How long the head of a request may take, in milliseconds; then 408. @defaultValue 10 000; 0: forever */
  readonly headersTimeoutMs?: number
  /** How long a whole request may take to arrive, in milliseconds; then 408. @defaultValue 300 000; 0: forever */
  readonly requestTimeoutMs?: number
  /**
   * How long the content of a request may bring less than a kilobyte while somebody waits for it, in milliseconds; then
   * the reading fails with 408.
   *
   * @defaultValue 20 000; 0: forever, for clients that rightly send little and seldom
   */
  readonly bodyIdleTimeoutMs?: number
  /**
   * How long a client may take not a single byte of a response that waits for it, in milliseconds; then the connection is
   * closed, up to a quarter of the time later. Over HTTP/2 the stream is reset.
   *
   * @defaultValue 60 000; 0: forever
   */
  readonly responseStallTimeoutMs?: number
  /** The request line and the fields together, in bytes; then 431. @defaultValue 16 384 */
  readonly maxHeaderBytes?: number
  /** Header fields of a request; then 431. @defaultValue 100 */
  readonly maxHeaderFields?: number
  /** The content of a request, in bytes; then 413. @defaultValue 1 048 576; 0: no content at all; Infinity: no limit */
  readonly maxBodyBytes?: number
  /** The request target, in bytes; then 414. Less than `maxHeaderBytes`, of which it is a part. @defaultValue 8192 */
  readonly maxTargetBytes?: number
  /** Requests in flight at most, event streams included; then 503 with `Retry-After`. @defaultValue 65 536; Infinity: no limit */
  readonly maxRequestsInFlight?: number
  /**
   * Requests in flight on one connection at most: how deep a client may pipeline. Then 503 with `Retry-After`.
   *
   * @defaultValue 64; 1: none while another is in flight; Infinity: no limit
   */
  readonly maxPipelinedRequests?: number
  /** What `Retry-After` of these says, in seconds. @defaultValue 1 */
  readonly retryAfterSeconds?: number
  /** The buffer of each connection, in bytes: above it `write` answers false. @defaultValue Node's, 65 536 */
  readonly highWaterMarkBytes?: number
  /** The `Server` field. @defaultValue none */
  readonly serverHeader?: string
  /**
   * Which proxies are believed when they set `X-Forwarded-For`, `-Proto` and `-Host`.
   * `{ addresses: ['10.0.0.0/8'] }`: these, and as far back as one of them passed the address on.
   * `{ hops: 1 }`: the given number of proxies that stand before us, whatever their addresses (on a Unix socket they have
   * none).
   *
   * @defaultValue none: any client could write these fields
   */
  readonly trustProxy?: TrustProxy
  /**
   * `'light'`: a request object that reads from Node's message as it is asked. It is a `Request` in all but one point: it
   * cannot be the **first** argument of `new Request()` or of `fetch()`; pass `new Request(request.url, request)`.
   * `'native'`: a real one, which costs about as much to make as the rest of a small exchange takes.
   *
   * @defaultValue `'light'` for the `fetch` of our router, `'native'` for any other, so that handlers written for other
   *   servers run unchanged
   */
  readonly requests?: 'light' | 'native'
  /**
   * Whether the connection of an open event stream is taken away from node:http, which then costs a third of the memory.
   * It is not on TLS, in HTTP/2 and HTTP/1.0, for bodies other than our event streams, and while there are subscribers
   * to the channel `http-core.request.end`; and it needs three things of Node that are not documented, without which it
   * stays. The connection closes when such a stream ends, and the head says so (`Connection: close`).
   *
   * @defaultValue `'auto'`: wherever it can be; `'off'`: never
   */
  readonly socketHandover?: 'auto' | 'off'
  /**
   * Whether connections begin with a PROXY header, version 1 or 2, before HTTP and before TLS. Then its source is
   * `context.remoteAddress`, and the whole of it `context.proxyHeader`.
   *
   * @defaultValue no
   * @see https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
   */
  readonly proxyProtocol?: ProxyProtocolOptions
  /**
   * The names of the protocols to which handlers may upgrade a connection (`Upgrade` of HTTP/1.1). A request that asks for
   * another one is served as if it had not asked. A request that names one of these keeps its connection only if it is
   * upgraded.
   *
   * @defaultValue `['websocket']`, which `channel` serves
   * @see https://www.iana.org/assignments/http-upgrade-tokens
   */
  readonly upgradeProtocols?: readonly string[]
  /**
   * Request fields whose values are not shown when a request or its `headers` are printed.
   *
   * @defaultValue `authorization`, `cookie`, `proxy-authorization`, `set-cookie`
   */
  readonly secretFields?: readonly string[]
  /**
   * Where the server writes what happens. `'off'`: nowhere.
   *
   * @defaultValue failures (`handler-failed`, `body-failed`, `server-failed`) go to `console.error`, all else nowhere
   */
  readonly logger?: Logger | 'off'
  /** Other names for events of the log, such as `{ 'handler-failed': 'app.error' }`. @defaultValue their own */
  readonly logEventNames?: Readonly<Partial<Record<LogEvent, string>>>
  /**
   * The clocks and timers, for tests that run on a virtual clock: `wallClock` tells `context.startTime`, `now` and the timers
   * decide over deadlines. What Node's own parser limits (`headersTimeoutMs`, `requestTimeoutMs` and `idleTimeoutMs` of
   * HTTP/1.1) stays on the platform's. Members that are not given are the platform's, too.
   *
   * @defaultValue the platform's clocks and timers
   */
  readonly runtime?: Partial<Runtime>
  /**
   * Called once the server accepts connections, before `listen()` resolves. What it throws rejects `listen()`, and the
   * server runs all the same.
   */
  readonly onListening?: (address: ListeningAddress) => void
}

/** See {@link ServerOptions.proxyProtocol}. */
export interface ProxyProtocolOptions {
  /**
   * `'required'`: a connection without a header is closed. `'optional'`: it is served as it is, for a port that clients
   * reach directly as well; that needs `from`, or any client could say that it is another.
   */
  readonly mode: 'required' | 'optional'
  /** The proxies: addresses and networks such as `10.0.0.0/8`. @defaultValue any peer; required with `'optional'` */
  readonly from?: readonly string[]
  /** How long the header may take, in milliseconds; then the connection is closed. @defaultValue 5000 */
  readonly timeoutMs?: number
  /** The header of version 2 with its values, in bytes; a longer one closes the connection. @defaultValue 4096 */
  readonly maxBytes?: number
}

/** Where a server listens. */
export type ListeningAddress =
  | {
      readonly kind: 'tcp'
      readonly address: string
      readonly port: number
      readonly family: 'IPv4' | 'IPv6'
    }
  | { readonly kind: 'unix'; readonly path: string }
