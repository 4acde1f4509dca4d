import { requireOneOf, requireType } from '../check-option.ts'
import type { ConnectionConfig } from '../connection/connection.ts'
import type { HeaderFields, PerAttempt, RequestConfig } from '../connection/request.ts'
import { OptionError } from '../errors/option-error.ts'
import type { Backoff } from '../reconnection/backoff.ts'
import type { ReconnectionPolicy } from '../reconnection/reconnection.ts'
import type { ReconnectMode } from '../reconnection/retry-policy.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { fetchTransport } from '../transport/fetch.ts'
import type { FetchLike } from '../transport/fetch.ts'
import { isStream } from '../transport/transport.ts'
import type { Transport } from '../transport/transport.ts'
import type { ContractMode } from '../wire-contract/standing.ts'
import { defaultTransport } from '#default-transport'

/** When and how often to reconnect. All times in milliseconds. An option that is present but undefined is an error. */
export interface ReconnectionOptions {
  /**
   * What the delays grow from, until the server sends a `retry:`. Below `minDelayMs` it is that.
   *
   * @defaultValue 1000; for `EventSource` 3000, as in browsers
   */
  readonly baseDelayMs?: number
  /** No delay is longer, and `retry:` counts as no more. @defaultValue 30 000; for `EventSource` 2^31 - 1 */
  readonly maxDelayMs?: number
  /** No delay is shorter, whatever `baseDelayMs`, `retry:` or `backoff` say: `baseDelayMs: 0` alone still waits 100 ms. With 0, the client asks a server that ends at once
   *  again at full speed. @defaultValue 100 */
  readonly minDelayMs?: number
  /** Reconnections in a row, without a stable stream between, before the stream is closed with reason `gave-up`.
   *  0 never reconnects. @defaultValue Infinity */
  readonly maxAttempts?: number
  /** How long a series of failed reconnections may take, its waits included, before the stream is closed with reason
   *  `gave-up`. @defaultValue Infinity */
  readonly maxElapsedMs?: number
  /** How long a stream must stay open to count as stable, which resets the growth; 0 resets on open. @defaultValue 5000 */
  readonly resetAfterMs?: number
  /** How long to wait; {@link constantBackoff} always waits the same. @defaultValue {@link fullJitter}; for `EventSource`, what the standard asks for */
  readonly backoff?: Backoff
}

/** What `createEventSource` and `EventSource` have in common. */
export interface EventSourceConnectionOptions {
  /**
   * A method, or a function that gives it for each attempt: POST to start something, GET to resume it.
   *
   * @defaultValue GET
   */
  readonly method?: PerAttempt<string> | undefined
  /**
   * - `always`: a clean end is reconnected as an error is. The default for GET, HEAD and QUERY.
   * - `on-error`: a clean end completes the stream. The default where `method` is a function.
   * - `never`: the request is sent once. The default for all other methods, since the server might act on each request.
   */
  readonly reconnect?: ReconnectMode | undefined
  /**
   * What to do with the last event if the body ends without the blank line after it. `discard` follows the standard: the
   * client takes the stream for cut off, and a request that it may not repeat ends as `interrupted`. `dispatch` delivers the
   * event, for servers that leave the line out.
   *
   * @defaultValue `discard`
   */
  readonly unfinishedEvent?: 'discard' | 'dispatch' | undefined
  /** Request fields, or a function that gives them for each attempt (a token that expires). `Accept`, `Last-Event-ID`
   *  and, in Node, `Cache-Control` are added. */
  readonly headers?: PerAttempt<HeaderFields> | undefined
  /** Request body, or a function that gives it for each attempt. A stream must come from a function, unless the request
   *  is never repeated. */
  readonly body?: PerAttempt<RequestInit['body']> | undefined
  /** Resume after this id. @defaultValue none, unless a `lastEventIdStore` has one */
  readonly lastEventId?: string | undefined
  /** `query` sends the last event ID as the query parameter `lastEventId`, which needs no CORS preflight and is
   *  understood by our server; `header` sends `Last-Event-ID`. @defaultValue `header` */
  readonly resumeBy?: 'header' | 'query' | undefined
  /** Names of request fields that a redirect must not carry to another origin, besides Authorization, Cookie and
   *  Proxy-Authorization. A browser hides where a redirect leads, so there a request with such a field fails on any
   *  redirect. */
  readonly secretHeaders?: readonly string[] | undefined
  /** Milliseconds from the start of an attempt to the head of the response, the per-attempt functions included. 0 is
   *  off. @defaultValue 30 000; off for `EventSource` */
  readonly connectTimeoutMs?: number | undefined
  /**
   * Milliseconds without a byte, comments included, after which the client gives the connection up. 0 is off. `auto` is
   * three times the interval that our server announces in a comment (`: heartbeat <ms>`), and off if the server announces none:
   * a stream may rightly be silent for hours.
   *
   * @defaultValue `auto`
   */
  readonly idleTimeoutMs?: number | 'auto' | undefined
  /**
   * Our server says in the first line of a response that the stream follows the wire contract. The client then drops
   * repeated events, takes its position from `stream.gap`, ends with `stream.end` and expects the announced heartbeat.
   * `EventSource` only does the last of these.
   *
   * - `auto`: where the server says so.
   * - `follow`: always; for our server behind a proxy that strips comments. With any other server it can lose events.
   * - `ignore`: never.
   *
   * @defaultValue `auto`
   */
  readonly wireContract?: ContractMode | undefined
  /** Limit of an unfinished event, or line, in memory; beyond it the stream fails with an `EventSizeError`. Counted in
   *  UTF-16 code units; a text never has more of them than bytes. @defaultValue 16 MiB */
  readonly maxEventBytes?: number | undefined
  readonly reconnection?: ReconnectionOptions | undefined
  /** The `fetch` to use instead of the platform's transport. */
  readonly fetch?: FetchLike | undefined
  /** Node only: the undici dispatcher (Agent, ProxyAgent, ...) whose connections to use. It is not closed. */
  readonly dispatcher?: { dispatch(options: object, handler: object): boolean } | undefined
  /** Anything that does HTTP. Excludes `fetch` and `dispatcher`. */
  readonly transport?: Transport | undefined
  /** Clock, timers and randomness, for tests and simulations. */
  readonly runtime?: Runtime | undefined
}

/** What the two interfaces do differently. */
export interface StreamDefaults {
  readonly reconnection: Pick<ReconnectionPolicy, 'baseDelayMs' | 'maxDelayMs' | 'backoff'>
  readonly connectTimeoutMs: number
}

type ResolvedOptions = ConnectionConfig & {
  readonly policy: ReconnectionPolicy
  readonly reconnect: ReconnectMode
} & Pick<RequestConfig, 'method' | 'headers' | 'body' | 'secretHeaders' | 'resumeBy'>

/** @throws {@link OptionError} */
export function reconnectMode(
  options: Pick<EventSourceConnectionOptions, 'method' | 'reconnect'>,
): ReconnectMode {
  const { method = 'GET' } = options
  // RFC 9110 section 9.2.1 calls GET and HEAD safe, RFC 10008 QUERY.
  const byDefault =
    typeof method === 'function' ? 'on-error' : /^(get|head|query)$/i.test(method) ? 'always' : 'never'
  return requireOneOf(options, 'reconnect', [byDefault, 'always', 'on-error', 'never'])
}

/** @throws {@link OptionError} for a value that cannot work. */
export function resolveOptions(
  options: EventSourceConnectionOptions,
  defaults: StreamDefaults,
): ResolvedOptions {
  const {
    headers,
    body,
    fetch,
    transport,
    lastEventId,
    method = 'GET',
    secretHeaders = [],
    connectTimeoutMs = defaults.connectTimeoutMs,
    idleTimeoutMs = 'auto',
    maxEventBytes = 2 ** 24,
    runtime = systemRuntime,
  } = options
  const policy: ReconnectionPolicy = {
    minDelayMs: 100,
    maxAttempts: Infinity,
    maxElapsedMs: Infinity,
    resetAfterMs: 5000,
    ...defaults.reconnection,
    ...options.reconnection,
  }
  const { backoff, ...numbers } = policy
  requireType('number', numbers, 'reconnection.')
  requireType('function', { backoff }, 'reconnection.')
  const limits = { connectTimeoutMs, maxEventBytes }
  requireType('number', { ...limits, idleTimeoutMs: idleTimeoutMs === 'auto' ? 0 : idleTimeoutMs })
  requireType('function', { fetch, transport })
  const isPerAttempt = typeof method === 'function'
  requireType('string', { lastEventId, method: isPerAttempt ? '' : method })
  if (!Array.isArray(secretHeaders)) throw new OptionError('secretHeaders', secretHeaders, 'an array')
  for (const name of ['method', 'headers'] as const)
    try {
      const { [name]: value } = options
      if (typeof value !== 'function') void new Request('http://a', { [name]: value })
    } catch (cause) {
      throw new OptionError(name, options[name], 'what fetch takes', { cause })
    }
  const reconnect = reconnectMode(options)
  if (reconnect !== 'never' && isStream(body)) throw new OptionError('body', body, 'a function, not a stream')
  return {
    transport: transport ?? (fetch ? fetchTransport(fetch) : defaultTransport(options.dispatcher)),
    runtime,
    ...limits,
    idleTimeoutMs,
    policy,
    method,
    reconnect,
    headers,
    body,
    secretHeaders: secretHeaders.map((name) => name.toLowerCase()),
    unfinishedEvent: requireOneOf(options, 'unfinishedEvent', ['discard', 'dispatch']),
    wireContract: requireOneOf(options, 'wireContract', ['auto', 'follow', 'ignore']),
    resumeBy: requireOneOf(options, 'resumeBy', ['header', 'query']),
  }
}
