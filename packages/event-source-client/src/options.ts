import type { Backoff } from './backoff.ts'
import type { ConnectionConfig } from './connection.ts'
import { OptionError } from './errors/option-error.ts'
import type { ReconnectionPolicy } from './reconnection.ts'
import type { HeaderFields, PerAttempt, RequestConfig } from './request.ts'
import { systemRuntime } from './runtime.ts'
import type { Runtime } from './runtime.ts'
import { fetchTransport } from './transport/fetch.ts'
import type { FetchLike } from './transport/fetch.ts'
import type { Transport } from './transport/transport.ts'
import { defaultTransport } from '#default-transport'

/** When and how often to reconnect. All times in milliseconds. */
export interface ReconnectionOptions {
  /**
   * What the delays grow from, until the server sends a `retry:`. Default 1000; 3000 for `EventSource`, as in browsers.
   */
  readonly baseDelayMs?: number
  /** No delay is longer, and `retry:` counts as no more. Default 30 000; for `EventSource` 2^31 - 1. */
  readonly maxDelayMs?: number
  /** No delay is shorter, whatever `retry:` or `backoff` say: with 0, a server that ends at once is asked again at full
   *  speed. Default 100. */
  readonly minDelayMs?: number
  /** Reconnections in a row, without a stable stream between, before the stream is closed with reason `gave-up`.
   *  0 never reconnects. Default Infinity. */
  readonly maxAttempts?: number
  /** How long a series of failed reconnections may take, its waits included, before the stream is closed with reason
   *  `gave-up`. Default Infinity. */
  readonly maxElapsedMs?: number
  /** How long a stream must stay open to count as stable, which resets the growth. Default 5000; 0 resets on open. */
  readonly resetAfterMs?: number
  /** Default {@link fullJitter}; for `EventSource`, what the standard asks for. */
  readonly backoff?: Backoff
}

/** What `createEventSource` and `EventSource` have in common. */
export interface ConnectionOptions {
  /** Default GET. */
  readonly method?: string
  /** Request fields, or a function that gives them for each attempt (a token that expires). `Accept`, `Last-Event-ID`
   *  and, in Node, `Cache-Control` are added. */
  readonly headers?: PerAttempt<HeaderFields>
  /** Request body, or a function that gives it for each attempt. A stream must come from a function, unless the request
   *  is never repeated. */
  readonly body?: PerAttempt<RequestInit['body']>
  /** Resume after this id. Default: none, unless a `lastEventIdStore` has one. */
  readonly lastEventId?: string
  /** `query` sends the last event ID as the query parameter `lastEventId`, which needs no CORS preflight and is
   *  understood by our server. Default `header`: `Last-Event-ID`. */
  readonly resumeBy?: 'header' | 'query'
  /** Names of fields, besides Authorization, Cookie and Proxy-Authorization, that a redirect must not carry to another
   *  origin. In browsers, where it cannot be seen where a redirect leads, a request with such a field fails on any
   *  redirect. */
  readonly secretHeaders?: readonly string[]
  /** Milliseconds from the start of an attempt to the head of the response, the per-attempt functions included. 0 is
   *  off. Default 30 000; off for `EventSource`. */
  readonly connectTimeoutMs?: number
  /**
   * Milliseconds of silence, comments counting as sound, after which the connection is dead. 0 is off. `auto` is three
   * times what the server announces by a comment `: heartbeat <ms>`, as ours does, and off if it announces nothing:
   * a stream may rightly be silent for hours. Default `auto`.
   */
  readonly idleTimeoutMs?: number | 'auto'
  /** Limit of an unfinished event, or line, in memory; beyond it the stream fails with an `EventSizeError`. Counted in
   *  UTF-16 code units, which never are more than the bytes. Default 16 MiB. */
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
  readonly reconnection: ReconnectionPolicy
  readonly connectTimeoutMs: number
  /** Whether the request may be sent more than once. */
  readonly isRepeated: boolean
}

/** Of which both have the same. */
export const COMMON_RECONNECTION: Omit<ReconnectionPolicy, 'baseDelayMs' | 'maxDelayMs' | 'backoff'> = {
  minDelayMs: 100,
  maxAttempts: Infinity,
  maxElapsedMs: Infinity,
  resetAfterMs: 5000,
}

type ResolvedOptions = ConnectionConfig & { readonly policy: ReconnectionPolicy } & Pick<
    RequestConfig,
    'method' | 'headers' | 'body' | 'secretHeaders' | 'resumeBy'
  >

/** @throws {@link OptionError} for a value that cannot work. */
export function resolveOptions(options: ConnectionOptions, defaults: StreamDefaults): ResolvedOptions {
  const { headers, body, fetch, idleTimeoutMs = 'auto', secretHeaders = [], method = 'GET' } = options
  const policy = { ...defaults.reconnection, ...options.reconnection }
  for (const [name, value] of Object.entries(policy))
    if (name !== 'backoff') requireNumber(`reconnection.${name}`, value)
  if (idleTimeoutMs !== 'auto') requireNumber('idleTimeoutMs', idleTimeoutMs)
  const connectTimeoutMs = requireNumber(
    'connectTimeoutMs',
    options.connectTimeoutMs,
    defaults.connectTimeoutMs,
  )
  const maxEventBytes = requireNumber('maxEventBytes', options.maxEventBytes, 2 ** 24)
  const resumeBy = requireOneOf('resumeBy', options.resumeBy, ['header', 'query'])
  try {
    if (typeof headers !== 'function') void new Headers(headers)
  } catch (cause) {
    throw new OptionError('headers', headers, 'header fields', { cause })
  }
  if (defaults.isRepeated && body instanceof ReadableStream)
    throw new OptionError('body', body, 'a function: a stream is sent once')
  return {
    transport: options.transport ?? (fetch ? fetchTransport(fetch) : defaultTransport(options.dispatcher)),
    runtime: options.runtime ?? systemRuntime,
    connectTimeoutMs,
    idleTimeoutMs,
    maxEventBytes,
    policy,
    method: method.toUpperCase(),
    headers,
    body,
    secretHeaders: secretHeaders.map((name) => name.toLowerCase()),
    resumeBy,
  }
}

/**
 * Infinity included: whatever a timer cannot keep is cut to what it can.
 *
 * @param absent - The default.
 */
export function requireNumber(option: string, value: unknown, absent?: number): number {
  const number = value === undefined ? absent : value
  if (!(typeof number === 'number' && number >= 0)) throw new OptionError(option, value, 'a number from 0')
  return number
}

/** @param allowed - The first is the default. */
export function requireOneOf<Choice extends string>(
  option: string,
  value: Choice | undefined,
  allowed: readonly [Choice, ...Choice[]],
): Choice {
  const choice = value === undefined ? allowed[0] : value
  if (!allowed.includes(choice)) throw new OptionError(option, value, `one of ${allowed.join(', ')}`)
  return choice
}
