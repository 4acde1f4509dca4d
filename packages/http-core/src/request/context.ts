import { checkBodyLimit } from '../options/check-options.ts'
import type { ProxyHeader } from './proxy-header.ts'
import type { Route } from '../routing/route.ts'
import { systemRuntime } from '../runtime.ts'

/**
 * A typed key for a value that a middleware leaves for the handler. Each key is unique, even if two keys have the same
 * description.
 */
export interface MetadataKey<T> {
  readonly description: string
  /** Never set. It only carries the type of the value. */
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

/** What the host knows about a request beyond the `Request` itself. All members are optional, since hosts differ. */
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

/** What this package's server adds to the facts of a request. */
export interface ServerFacts extends RequestFacts {
  /** The maximum size of the request's content, in bytes. A route or a handler may set another limit. */
  readonly bodyLimit?: { maxBytes: number } | undefined
  /** Receives header fields for the 500 that the server sends if the handler throws. */
  readonly onFailure?: ((fields: Headers) => void) | undefined
  /** Whether the server can give the connection to another protocol. */
  readonly canUpgrade?: boolean | undefined
}

/** The second argument of every handler. */
export interface RequestContext {
  /**
   * The address of the client, without a port: the address of the connection, or the one that a trusted proxy forwarded.
   * Undefined on a Unix socket, and on hosts that do not provide it.
   */
  readonly remoteAddress: string | undefined
  /**
   * The port of the client at that address. Undefined if the address is undefined, or if a proxy forwarded the address
   * without a port.
   */
  readonly remotePort: number | undefined
  /** The time at which the head of the request had been read, in milliseconds since 1970. */
  readonly startTime: number
  /** The time since the head of the request was read, in milliseconds, on a clock that never goes back. */
  readonly elapsedMs: number
  /**
   * The maximum size of the request's content, in bytes. Reading more fails with 413. Set it before the content is read.
   *
   * Initially this is `maxBodyBytes` of the route or of the server. On hosts without such a limit it is undefined, and
   * setting it has no effect.
   */
  maxBodyBytes: number | undefined
  /** `'1.1'`, `'1.0'` or `'2.0'`; undefined on hosts that do not provide it. */
  readonly httpVersion: string | undefined
  /**
   * Aborts when the server begins to stop, while requests in flight may still finish. End an endless response at this
   * moment. (`request.signal` aborts when the client leaves, or when the server destroys the connection at the deadline.)
   */
  readonly closing: AbortSignal
  /** The PROXY header that a proxy sent before the first byte; undefined without the PROXY protocol. */
  readonly proxyHeader: ProxyHeader | undefined
  /** The second argument that another host passed to `fetch`, such as the bindings of a Worker. */
  readonly platform: unknown
  /** Returns the value that a middleware stored under the key with {@link RequestContext.set}. */
  get<T>(key: MetadataKey<T>): T | undefined
  /** Stores a value under the key, for inner middlewares and the handler. */
  set<T>(key: MetadataKey<T>, value: T): void
}

/** The context of a handler that a router runs. */
export interface RouteContext<Params = Readonly<Record<string, unknown>>> extends RequestContext {
  /** The parameters in the path, converted by their codecs. */
  readonly params: Params
  /** The route that matched; undefined in the fallback and in the router's own answers. */
  readonly route: Route | undefined
}

const noParams: Readonly<Record<string, unknown>> = Object.freeze({})
const noFacts: ServerFacts = Object.freeze({})

/**
 * The only implementation of {@link RouteContext}. It reads facts from the host only when a handler asks for them, because
 * most handlers do not.
 */
export class Context implements RouteContext {
  /** Set by the router when a route matches. */
  params: Readonly<Record<string, unknown>> = noParams
  /** Set by the router when a route matches. */
  route: Route | undefined = undefined
  readonly #facts: ServerFacts
  /** On the monotonic clock; undefined if the host provides `elapsedMs`. */
  readonly #startedAt: number | undefined
  #startTime: number | undefined
  #closing: AbortSignal | undefined
  #metadata: Map<MetadataKey<unknown>, unknown> | undefined

  constructor(facts: ServerFacts = noFacts) {
    this.#facts = facts
    // This package's server provides the times on demand. On other hosts the current time is the closest approximation.
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

  /** Whether the server can upgrade this request's connection. See `sentStatus`. */
  static canUpgrade(context: RequestContext): boolean {
    return #facts in context && context.#facts.canUpgrade === true
  }

  /** Sets the header fields of the 500 that this package's server sends for an uncaught error. No effect on other hosts. */
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

/** Makes a context, for testing a handler or for writing your own host. */
export function createContext(facts?: RequestFacts): RouteContext {
  return new Context(facts)
}
