import { requireOneOf, requireType } from '../check-option.ts'
import type { ConnectionConfig } from '../connection/connection.ts'
import type { HeaderFields, PerAttempt, RequestConfig } from '../connection/request.ts'
import { OptionError } from '../errors/option-error.ts'
import type { Backoff } from '../reconnection/backoff.ts'
import type { ReconnectionPolicy } from '../reconnection/reconnection.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { fetchTransport } from '../transport/fetch.ts'
import type { FetchLike } from '../transport/fetch.ts'
import type { Transport } from '../transport/transport.ts'
import type { ContractMode } from '../wire-contract/standing.ts'
import { defaultTransport } from '#default-transport'

/** When and how often to reconnect. All times in milliseconds. */
export interface ReconnectionOptions {
  /**
   * What the delays grow from, until the server sends a `retry:`.
   *
   * @defaultValue 1000; for `EventSource` 3000, as in browsers
   */
  readonly baseDelayMs?: number
  /** No delay is longer, and `retry:` counts as no more. @defaultValue 30 000; for `EventSource` 2^31 - 1 */
  readonly maxDelayMs?: number
  /** No delay is shorter, whatever `retry:` or `backoff` say: with 0, a server that ends at once is asked again at full
   *  speed. @defaultValue 100 */
  readonly minDelayMs?: number
  /** Reconnections in a row, without a stable stream between, before the stream is closed with reason `gave-up`.
   *  0 never reconnects. @defaultValue Infinity */
  readonly maxAttempts?: number
  /** How long a series of failed reconnections may take, its waits included, before the stream is closed with reason
   *  `gave-up`. @defaultValue Infinity */
  readonly maxElapsedMs?: number
  /** How long a stream must stay open to count as stable, which resets the growth; 0 resets on open. @defaultValue 5000 */
  readonly resetAfterMs?: number
  /** How long to wait. @defaultValue {@link fullJitter}; for `EventSource`, what the standard asks for */
  readonly backoff?: Backoff
}

/** What `createEventSource` and `EventSource` have in common. */
export interface EventSourceConnectionOptions {
  /** @defaultValue GET */
  readonly method?: string
  /** Request fields, or a function that gives them for each attempt (a token that expires). `Accept`, `Last-Event-ID`
   *  and, in Node, `Cache-Control` are added. */
  readonly headers?: PerAttempt<HeaderFields>
  /** Request body, or a function that gives it for each attempt. A stream must come from a function, unless the request
   *  is never repeated. */
  readonly body?: PerAttempt<RequestInit['body']>
  /** Resume after this id. @defaultValue none, unless a `lastEventIdStore` has one */
  readonly lastEventId?: string
  /** `query` sends the last event ID as the query parameter `lastEventId`, which needs no CORS preflight and is
   *  understood by our server; `header` sends `Last-Event-ID`. @defaultValue `header` */
  readonly resumeBy?: 'header' | 'query'
  /** Names of fields, besides Authorization, Cookie and Proxy-Authorization, that a redirect must not carry to another
   *  origin. In browsers, where it cannot be seen where a redirect leads, a request with such a field fails on any
   *  redirect. */
  readonly secretHeaders?: readonly string[]
  /** Milliseconds from the start of an attempt to the head of the response, the per-attempt functions included. 0 is
   *  off. @defaultValue 30 000; off for `EventSource` */
  readonly connectTimeoutMs?: number
  /**
   * Milliseconds of silence, comments counting as sound, after which the connection is dead. 0 is off. `auto` is three
   * times what our server announces by a comment `: heartbeat <ms>`, and off if nothing is announced:
   * a stream may rightly be silent for hours.
   *
   * @defaultValue `auto`
   */
  readonly idleTimeoutMs?: number | 'auto'
  /**
   * Our server says in the first line of a response that the stream follows the wire contract. From there on repeats are
   * dropped, `stream.gap` sets the position, `stream.end` ends the stream, and the announced heartbeat is expected; for
   * `EventSource` the last of these only.
   *
   * - `auto`: where the server says so.
   * - `follow`: always; for our server behind a proxy that strips comments. With any other server it can lose events.
   * - `ignore`: never.
   *
   * @defaultValue `auto`
   */
  readonly wireContract?: ContractMode
  /** Limit of an unfinished event, or line, in memory; beyond it the stream fails with an `EventSizeError`. Counted in
   *  UTF-16 code units, which never are more than the bytes. @defaultValue 16 MiB */
  readonly maxEventBytes?: number
  readonly reconnection?: ReconnectionOptions
  /** The `fetch` to use instead of the platform's transport. */
  readonly fetch?: FetchLike
  /** Node only: the undici dispatcher (Agent, ProxyAgent, ...) whose connections to use. It is not closed. */
  readonly dispatcher?: { dispatch(options: object, handler: object): boolean }
  /** Anything that does HTTP. Excludes `fetch` and `dispatcher`. */
  readonly transport?: Transport
  /** Clock, timers and randomness, for tests and simulations. */
  readonly runtime?: Runtime
}

/** What the two interfaces do differently. */
export interface StreamDefaults {
  readonly reconnection: Pick<ReconnectionPolicy, 'baseDelayMs' | 'maxDelayMs' | 'backoff'>
  readonly connectTimeoutMs: number
}

type ResolvedOptions = ConnectionConfig & { readonly policy: ReconnectionPolicy } & Pick<
    RequestConfig,
    'method' | 'headers' | 'body' | 'secretHeaders' | 'resumeBy'
  >

/** @throws {@link OptionError} for a value that cannot work. */
export function resolveOptions(
  options: EventSourceConnectionOptions,
  defaults: StreamDefaults,
  reconnect: 'always' | 'on-error' | 'never',
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
  requireType('number', {
    connectTimeoutMs,
    idleTimeoutMs: idleTimeoutMs === 'auto' ? 0 : idleTimeoutMs,
    maxEventBytes,
  })
  requireType('function', { fetch, transport })
  requireType('string', { lastEventId, method })
  if (!Array.isArray(secretHeaders)) throw new OptionError('secretHeaders', secretHeaders, 'an array')
  for (const name of ['method', 'headers'] as const)
    try {
      void new Request('http://a', { [name]: options[name] })
    } catch (cause) {
      throw new OptionError(name, options[name], 'what fetch takes', { cause })
    }
  if (reconnect !== 'never' && body instanceof ReadableStream)
    throw new OptionError('body', body, 'a function: a stream is sent once')
  return {
    transport: transport ?? (fetch ? fetchTransport(fetch) : defaultTransport(options.dispatcher)),
    runtime,
    connectTimeoutMs,
    idleTimeoutMs,
    maxEventBytes,
    policy,
    method: method.toUpperCase(),
    headers,
    body,
    secretHeaders: secretHeaders.map((name) => name.toLowerCase()),
    wireContract: requireOneOf(options, 'wireContract', ['auto', 'follow', 'ignore']),
    resumeBy: requireOneOf(options, 'resumeBy', ['header', 'query']),
  }
}
