import { checkBodyLimit } from '../options/check-options.ts'
import type { ProxyHeader } from './proxy-header.ts'
import type { Route } from '../routing/route.ts'
import { systemRuntime } from '../runtime.ts'

/**
 * A typed name for something that a middleware leaves for the handler. Two keys are never the same, whatever their
 * descriptions.
 */
export interface MetadataKey<T> {
  readonly description: string
  /** Never set: it only ties the key to its type. */
  readonly type?: T
}

/**
 * Makes a {@link MetadataKey}.
 *
 * @example
 * ```ts
 * const user = metadataKey<{ name: string }>('user')
 * context.set(user, { name: 'Ada' })
 * context.get(user)?.name // 'Ada'
 * ```
 */
export function metadataKey<T>(description: string): MetadataKey<T> {
  return Object.freeze({ description })
}

/** What the host knows about one request beyond the `Request`. Everything is optional: a bare host knows nothing. */
export interface RequestFacts {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly startTime?: number | undefined
  readonly elapsedMs?: number | undefined
  readonly httpVersion?: string | undefined
  readonly closing?: AbortSignal | undefined
  readonly proxyHeader?: ProxyHeader | undefined
  readonly platform?: unknown
}

/** What our own server does for a request besides. */
export interface ServerFacts extends RequestFacts {
  /** The most that the content of the request may have, in bytes. A route or a handler may set another limit. */
  readonly bodyLimit?: { maxBytes: number } | undefined
  /** Receives the fields for the 500 of a handler that throws. */
  readonly onFailure?: ((fields: Headers) => void) | undefined
  /** Whether the server can give the connection to another protocol. */
  readonly canUpgrade?: boolean | undefined
}

/** The second argument of every handler. */
export interface RequestContext {
  /**
   * The address of the client, without a port: of the connection, or what a trusted proxy forwarded. Undefined on a
   * Unix socket, and on hosts that do not say.
   */
  readonly remoteAddress: string | undefined
  /**
   * The port of the client at that address. Undefined where the address is undefined, and where a proxy forwarded the
   * address without a port.
   */
  readonly remotePort: number | undefined
  /** When the head of the request had been read, in milliseconds since 1970. */
  readonly startTime: number
  /** How long ago that was, in milliseconds, by a clock that never goes back. */
  readonly elapsedMs: number
  /**
   * The content of the request, in bytes; then its reading fails with 413. To be set before the content is read. The
   * server's `maxBodyBytes`, or that of the route; undefined on hosts that have no such limit, where setting it does nothing.
   */
  maxBodyBytes: number | undefined
  /** `'1.1'`, `'1.0'`, `'2.0'`; undefined on hosts that do not say. */
  readonly httpVersion: string | undefined
  /**
   * Aborts when the server begins to stop, while requests in flight may still finish: the moment for an endless
   * response to say goodbye. (`request.signal` aborts when the client goes away, or at the deadline of the stop.)
   */
  readonly closing: AbortSignal
  /** What a proxy said of the connection before its first byte; undefined without the PROXY protocol. */
  readonly proxyHeader: ProxyHeader | undefined
  /** What a host other than ours passed as the second argument of `fetch`, such as the bindings of a Worker. */
  readonly platform: unknown
  /** What was {@link RequestContext.set} under the key, by a middleware before. */
  get<T>(key: MetadataKey<T>): T | undefined
  set<T>(key: MetadataKey<T>, value: T): void
}

/** What the router adds to the context. */
export interface RouteContext<Params = Readonly<Record<string, unknown>>> extends RequestContext {
  /** The parameters in the path, as their codecs gave them. */
  readonly params: Params
  /** The route that matched; undefined in the fallback and in the router's own answers. */
  readonly route: Route | undefined
}

const noParams: Readonly<Record<string, unknown>> = Object.freeze({})
const noFacts: ServerFacts = Object.freeze({})

/**
 * The one implementation of {@link RouteContext}: what the host knows stays with the host and is asked for when needed,
 * since most handlers never ask.
 */
export class Context implements RouteContext {
  /** Written by the router, once it has matched. */
  params: Readonly<Record<string, unknown>> = noParams
  /** Written by the router, once it has matched. */
  route: Route | undefined = undefined
  readonly #facts: ServerFacts
  /** By the monotonic clock, where the host does not tell the time. */
  readonly #startedAt: number | undefined
  #startTime: number | undefined
  #closing: AbortSignal | undefined
  #metadata: Map<MetadataKey<unknown>, unknown> | undefined

  constructor(facts: ServerFacts = noFacts) {
    this.#facts = facts
    // Our server tells the time when it is asked; for a host that does not tell it, now is as near as we get.
    if (!('elapsedMs' in facts)) this.#startedAt = systemRuntime.now()
    if (!('startTime' in facts)) this.#startTime = systemRuntime.wallClock()
  }

  get remoteAddress(): string | undefined {
    return this.#facts.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#facts.remotePort
  }

  get startTime(): number {
    return (this.#startTime ??= this.#facts.startTime ?? systemRuntime.wallClock())
  }

  get elapsedMs(): number {
    return this.#startedAt === undefined
      ? (this.#facts.elapsedMs ?? 0)
      : systemRuntime.now() - this.#startedAt
  }

  get maxBodyBytes(): number | undefined {
    return this.#facts.bodyLimit?.maxBytes
  }

  set maxBodyBytes(maxBytes: number | undefined) {
    const { bodyLimit } = this.#facts
    if (maxBytes === undefined || bodyLimit === undefined) return
    checkBodyLimit('maxBodyBytes', maxBytes)
    bodyLimit.maxBytes = maxBytes
  }

  get httpVersion(): string | undefined {
    return this.#facts.httpVersion
  }

  get closing(): AbortSignal {
    return (this.#closing ??= this.#facts.closing ?? new AbortController().signal)
  }

  /** For the status of an upgrade: see `sentStatus`. */
  static canUpgrade(context: RequestContext): boolean {
    return #facts in context && context.#facts.canUpgrade === true
  }

  /** When an error is not caught, the server gives its 500 these fields; other hosts have their own. */
  static failsWith(context: RequestContext, fields: Headers): void {
    if (#facts in context) context.#facts.onFailure?.(fields)
  }

  get proxyHeader(): ProxyHeader | undefined {
    return this.#facts.proxyHeader
  }

  get platform(): unknown {
    return this.#facts.platform
  }

  get<T>(key: MetadataKey<T>): T | undefined {
    return this.#metadata?.get(key) as T | undefined
  }

  set<T>(key: MetadataKey<T>, value: T): void {
    this.#metadata ??= new Map()
    this.#metadata.set(key, value)
  }
}

/** Makes a context, for a test of a handler or for a host of one's own. */
export function createContext(facts?: RequestFacts): RouteContext {
  return new Context(facts)
}
