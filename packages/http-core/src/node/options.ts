import type { TlsOptions as NodeTlsOptions } from 'node:tls'
import {
  checkChoice,
  checkFieldValue,
  checkFunction,
  checkList,
  checkMethods,
  checkRequired,
  isFunction,
} from '../check-options.ts'
import { OptionError } from '../errors/option-error.ts'
import type { RequestContext } from '../context.ts'
import type { Logger } from '../logger.ts'
import type { Middleware } from '../middleware.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import type { ProxyProtocolSettings } from './connection-front.ts'
import { networkTest } from './trusted-proxies.ts'

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
  /** The address or name to listen on. Default `'127.0.0.1'`: only this machine; `'0.0.0.0'` and `'::'` are everywhere. */
  readonly hostname?: string
  /** 0 takes a free one, which `server.port` then tells. Default 8080. */
  readonly port?: number
  /**
   * Listens elsewhere: on a Unix socket (`{ path }`; one that a dead process left behind is replaced), or on a
   * descriptor that somebody opened for us (`{ fd: 3 }` under systemd's socket activation). `hostname` and `port` do
   * not count then.
   */
  readonly listen?: ListenTarget
  /**
   * Whether other processes may listen on the same port, and the kernel deals the connections out (SO_REUSEPORT): on
   * Linux, with Node 22.12 or 23.1 and later. Default `'off'`.
   */
  readonly reusePort?: 'on' | 'off'
  /** Middlewares around `fetch`, outermost first, for handlers that are not a router of ours. */
  readonly middleware?: readonly Middleware[]
  /** Open connections at most; further ones are closed at once. Default 65 536; Infinity: as many as the system gives. */
  readonly maxConnections?: number
  /**
   * How long a connection may wait between two requests, in milliseconds, as the client is told in `Keep-Alive`; the
   * server itself waits a second more, so that a request just on its way is not cut. Default 5000; 0: for ever.
   */
  readonly idleTimeoutMs?: number
  /**
   * Serves HTTPS: the certificate, its key and whatever else `tls.createServer` takes, but for the protocols, which
   * are this server's to offer. Default: none, plain HTTP.
   *
   * @see https://nodejs.org/api/tls.html#tlscreatesecurecontextoptions
   */
  readonly tls?: TlsOptions
  /**
   * Whether a client on TLS may choose HTTP/2 (ALPN `h2`), in which any number of event streams share one connection: a
   * browser opens six at most over HTTP/1.1. Default `'offer'`; `'off'`: HTTP/1.1 alone. Without TLS there is no HTTP/2.
   */
  readonly http2?: 'offer' | 'off'
  /**
   * Streams of one HTTP/2 connection at most, event streams included; the client is told, and queues the others. Default
   * 256.
   */
  readonly maxConcurrentStreams?: number
  /**
   * How often the client of an HTTP/2 connection is asked for a sign of life (PING), in milliseconds. A connection whose
   * client has sent nothing by the next time is closed: it vanished without a word, or froze. Default 15 000; 0: never.
   */
  readonly http2PingIntervalMs?: number
  /**
   * How long a connection may be silent before the kernel asks the kernel at the other end whether it is still there, in
   * milliseconds, of which whole seconds count; after ten questions a second apart without an answer the connection is
   * closed (on Linux). It finds clients that vanished from a silent HTTP/1.1 stream; while something that was sent is not
   * acknowledged, the kernel's retransmission timeout decides in its place. Default 15 000; 0: never.
   */
  readonly tcpKeepAliveMs?: number
  /** How long the head of a request may take, in milliseconds; then 408. Default 10 000; 0: for ever. */
  readonly headersTimeoutMs?: number
  /** How long a whole request may take to arrive, in milliseconds; then 408. Default 300 000; 0: for ever. */
  readonly requestTimeoutMs?: number
  /**
   * How long the content of a request may bring less than a kilobyte while somebody waits for it, in milliseconds; then
   * the reading fails with 408. Default 20 000; 0: for ever, for clients that rightly send little and seldom.
   */
  readonly bodyIdleTimeoutMs?: number
  /**
   * How long a client may take not a single byte of a response that waits for it, in milliseconds; then the connection is
   * closed, up to a quarter of the time later. Default 60 000; 0: for ever. Over HTTP/2 it is the stream
   * that is reset.
   */
  readonly responseStallTimeoutMs?: number
  /** The request line and the fields together, in bytes; then 431. Default 16 384. */
  readonly maxHeaderBytes?: number
  /** Header fields of a request; then 431. Default 100. */
  readonly maxHeaderFields?: number
  /** The content of a request, in bytes; then 413. Default 1 048 576; 0: no content at all; Infinity: no limit. */
  readonly maxBodyBytes?: number
  /** The request target, in bytes; then 414. Default 8192. Less than `maxHeaderBytes`, of which it is a part. */
  readonly maxTargetBytes?: number
  /** Requests in flight at most, event streams included; then 503 with `Retry-After`. Default 65 536; Infinity: no limit. */
  readonly maxRequestsInFlight?: number
  /**
   * Requests in flight on one connection at most: how deep a client may pipeline. Then 503 with `Retry-After`. Default
   * 64; 1: none while another is in flight; Infinity: no limit.
   */
  readonly maxPipelinedRequests?: number
  /** What `Retry-After` of these says, in seconds. Default 1. */
  readonly retryAfterSeconds?: number
  /** The buffer of each connection, in bytes: above it `write` answers false. Default: Node's, 65 536. */
  readonly highWaterMarkBytes?: number
  /** The `Server` field. Default: none. */
  readonly serverHeader?: string
  /**
   * Whether to believe `X-Forwarded-For`, `-Proto` and `-Host`. Default: no; anyone could write them.
   * `{ addresses: ['10.0.0.0/8'] }`: from these proxies, and as far back as one of them passed the address on.
   * `{ hops: 1 }`: that many proxies stand before us, whatever their addresses (on a Unix socket they have none).
   */
  readonly trustProxy?: TrustProxy
  /**
   * `'light'`: a request object that reads from Node's message as it is asked. It is a `Request` in all but one point: it
   * cannot be the **first** argument of `new Request()` or of `fetch()`; pass `new Request(request.url, request)`.
   * `'native'`: a real one, which costs about as much to make as the rest of a small exchange takes. Default: `'light'` for the `fetch` of our router,
   * `'native'` for any other, so that handlers written for other servers run unchanged.
   */
  readonly requests?: 'light' | 'native'
  /**
   * Whether the connection of an open event stream is taken away from node:http, which then costs a third of the memory.
   * It is not on TLS, in HTTP/2 and HTTP/1.0, for bodies that are no event stream of ours, and while somebody subscribes
   * to the channel `http-core.request.end`; and it needs three things of Node that are not documented, without which it
   * stays. The connection closes when such a stream ends, and the head says so (`Connection: close`). Default `'auto'`:
   * wherever it can be; `'off'`: never.
   */
  readonly socketHandover?: 'auto' | 'off'
  /**
   * Whether connections begin with a PROXY header, version 1 or 2, before HTTP and before TLS. Then its source is
   * `context.remoteAddress`, and the whole of it `context.proxyHeader`. Default: no.
   *
   * @see https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
   */
  readonly proxyProtocol?: ProxyProtocolOptions
  /** Default: none. */
  readonly logger?: Logger
  /** The clock of `context.startTime`. Default `Date.now`. */
  readonly now?: () => number
  /** The timers of the stop's deadline and of lingering closes. Default: the platform's. */
  readonly timers?: Pick<Runtime, 'setTimeout' | 'clearTimeout'>
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
  /** The proxies: addresses and networks such as `10.0.0.0/8`. Default with `'required'`: whoever connects. */
  readonly from?: readonly string[]
  /** How long the header may take, in milliseconds; then the connection is closed. Default 5000. */
  readonly timeoutMs?: number
  /** The header of version 2 with its values, in bytes; a longer one closes the connection. Default 4096. */
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

/** What every part of the server reads: checked, and with the defaults filled in. */
export interface Settings {
  readonly hostname: string
  readonly port: number
  readonly listen: ListenTarget | undefined
  readonly maxConnections: number
  readonly idleTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly bodyIdleTimeoutMs: number
  readonly responseStallTimeoutMs: number
  readonly reusePort: boolean
  readonly maxHeaderBytes: number
  readonly maxHeaderFields: number
  readonly maxBodyBytes: number
  readonly maxTargetBytes: number
  readonly maxRequestsInFlight: number
  readonly maxPipelinedRequests: number
  readonly retryAfterSeconds: number
  readonly highWaterMarkBytes: number | undefined
  readonly serverHeader: string | undefined
  readonly trustProxy: TrustProxy | undefined
  readonly socketHandover: 'auto' | 'off'
  readonly tls: TlsOptions | undefined
  readonly http2: 'offer' | 'off'
  readonly maxConcurrentStreams: number
  readonly http2PingIntervalMs: number
  readonly tcpKeepAliveMs: number
  readonly proxyProtocol: ProxyProtocolSettings | undefined
  readonly runtime: Runtime
}

/** Node keeps its timeouts in 32 bits: a longer one would fire at once. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1

/** @throws {@link OptionError} which names the first option that has a value it cannot have. */
export function resolveSettings(options: ServerOptions): Settings {
  checkKinds(options)
  const timers = options.timers ?? systemRuntime
  const settings: Settings = {
    hostname: options.hostname ?? '127.0.0.1',
    port: integer('port', options.port ?? 8080, 0, 65_535),
    listen: options.listen,
    maxConnections: integerOrInfinity('maxConnections', options.maxConnections ?? 65_536, 1),
    idleTimeoutMs: integer('idleTimeoutMs', options.idleTimeoutMs ?? 5000, 0, MAX_TIMEOUT_MS),
    headersTimeoutMs: integer('headersTimeoutMs', options.headersTimeoutMs ?? 10_000, 0, MAX_TIMEOUT_MS),
    requestTimeoutMs: integer('requestTimeoutMs', options.requestTimeoutMs ?? 300_000, 0, MAX_TIMEOUT_MS),
    bodyIdleTimeoutMs: integer('bodyIdleTimeoutMs', options.bodyIdleTimeoutMs ?? 20_000, 0, MAX_TIMEOUT_MS),
    responseStallTimeoutMs: integer(
      'responseStallTimeoutMs',
      options.responseStallTimeoutMs ?? 60_000,
      0,
      MAX_TIMEOUT_MS,
    ),
    reusePort: options.reusePort === 'on',
    maxHeaderBytes: integer('maxHeaderBytes', options.maxHeaderBytes ?? 16_384, 64, 2 ** 30),
    maxHeaderFields: integer('maxHeaderFields', options.maxHeaderFields ?? 100, 1),
    maxBodyBytes: integerOrInfinity('maxBodyBytes', options.maxBodyBytes ?? 1_048_576, 0),
    maxTargetBytes: integer('maxTargetBytes', options.maxTargetBytes ?? 8192, 1),
    maxRequestsInFlight: integerOrInfinity('maxRequestsInFlight', options.maxRequestsInFlight ?? 65_536, 1),
    maxPipelinedRequests: integerOrInfinity('maxPipelinedRequests', options.maxPipelinedRequests ?? 64, 1),
    retryAfterSeconds: integer('retryAfterSeconds', options.retryAfterSeconds ?? 1, 0),
    highWaterMarkBytes:
      options.highWaterMarkBytes === undefined
        ? undefined
        : integer('highWaterMarkBytes', options.highWaterMarkBytes, 1),
    serverHeader: options.serverHeader,
    trustProxy: options.trustProxy,
    socketHandover: options.socketHandover ?? 'auto',
    tls: options.tls,
    proxyProtocol: options.proxyProtocol === undefined ? undefined : proxyProtocol(options.proxyProtocol),
    http2: options.http2 ?? 'offer',
    maxConcurrentStreams: integer(
      'maxConcurrentStreams',
      options.maxConcurrentStreams ?? 256,
      1,
      2 ** 31 - 1,
    ),
    http2PingIntervalMs: integer(
      'http2PingIntervalMs',
      options.http2PingIntervalMs ?? 15_000,
      0,
      MAX_TIMEOUT_MS,
    ),
    tcpKeepAliveMs: keepAlive(options.tcpKeepAliveMs ?? 15_000),
    runtime: {
      now: options.now ?? (() => systemRuntime.now()),
      setTimeout: (callback, delayMs) => timers.setTimeout(callback, delayMs),
      clearTimeout: (timer) => {
        timers.clearTimeout(timer)
      },
      endOfTurn: (callback) => systemRuntime.endOfTurn(callback),
    },
  }
  checkTogether(settings)
  return settings
}

/** What is no number. */
function checkKinds(options: ServerOptions): void {
  checkRequired('fetch', options.fetch)
  checkList('middleware', options.middleware, isFunction, 'middlewares')
  checkMethods('logger', options.logger, ['debug', 'info', 'warn', 'error'])
  checkFunction('now', options.now)
  checkMethods('timers', options.timers, ['setTimeout', 'clearTimeout'])
  checkFunction('onListening', options.onListening)
  checkFieldValue('serverHeader', options.serverHeader)
  checkChoice('requests', options.requests, ['light', 'native'])
  checkChoice('http2', options.http2, ['offer', 'off'])
  checkChoice('reusePort', options.reusePort, ['on', 'off'])
  checkChoice('socketHandover', options.socketHandover, ['auto', 'off'])
  checkMethods('tls', options.tls, [], 'an object such as { key, cert }')
  checkMethods('proxyProtocol', options.proxyProtocol, [], "an object such as { mode: 'required' }")
}

function proxyProtocol({ mode, from, timeoutMs, maxBytes }: ProxyProtocolOptions): ProxyProtocolSettings {
  if (mode !== 'required' && mode !== 'optional') {
    throw new OptionError('proxyProtocol.mode', mode, "'required' or 'optional'")
  }
  if (mode === 'optional' && from === undefined) {
    throw new OptionError('proxyProtocol.from', from, "given where the mode is 'optional'")
  }
  return {
    mode,
    isTrusted: from === undefined ? undefined : networkTest('proxyProtocol.from', from),
    timeoutMs: integer('proxyProtocol.timeoutMs', timeoutMs ?? 5000, 1, MAX_TIMEOUT_MS),
    maxBytes: integer('proxyProtocol.maxBytes', maxBytes ?? 4096, 232, 16 + 65_535),
  }
}

function checkTogether(settings: Settings): void {
  const { headersTimeoutMs, requestTimeoutMs, maxTargetBytes, maxHeaderBytes, hostname, listen } = settings
  if (requestTimeoutMs > 0 && headersTimeoutMs > requestTimeoutMs) {
    throw new OptionError(
      'headersTimeoutMs',
      headersTimeoutMs,
      `at most requestTimeoutMs (${requestTimeoutMs})`,
    )
  }
  if (maxTargetBytes >= maxHeaderBytes) {
    throw new OptionError('maxTargetBytes', maxTargetBytes, `less than maxHeaderBytes (${maxHeaderBytes})`)
  }
  if (typeof hostname !== 'string' || hostname === '')
    throw new OptionError('hostname', hostname, 'an address or a host name')
  if (listen !== undefined) {
    if (typeof listen !== 'object' || listen === null || !('fd' in listen || 'path' in listen)) {
      throw new OptionError('listen', listen, '{ fd } or { path }')
    }
    if ('fd' in listen) integer('listen.fd', listen.fd, 0)
    else if (typeof listen.path !== 'string' || listen.path === '')
      throw new OptionError('listen.path', listen.path, 'the path of a Unix socket')
  }
}

/** The kernel counts in seconds, and on Linux to 32 767. */
function keepAlive(value: number): number {
  if (value === 0) return 0
  return integer('tcpKeepAliveMs', value, 1000, 32_767_000)
}

function integer(option: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  throw new OptionError(option, value, `an integer ${range}`)
}

function integerOrInfinity(option: string, value: number, least: number): number {
  if (value === Infinity) return value
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new OptionError(option, value, `an integer of at least ${least}, or Infinity`)
}
