import { setMaxListeners } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { OptionError } from '../errors/option-error.ts'
import { ServerStateError } from '../errors/server-state-error.ts'
import { takesLightRequests } from '../light-requests.ts'
import { compose, staged } from '../middleware.ts'
import type { Handler } from '../middleware.ts'
import { standBefore } from './connection-front.ts'
import type { ConnectionFront } from './connection-front.ts'
import { checkCloseOptions } from './close-options.ts'
import type { CloseOptions } from './close-options.ts'
import { channels } from './diagnostics.ts'
import type { ListeningEvent } from './diagnostics.ts'
import { makeHttp1Server } from './http1.ts'
import { listen } from './listen.ts'
import { resolveSettings } from './options.ts'
import type { ListeningAddress, ServerOptions } from './options.ts'
import { Pipelines } from './pipelines.ts'
import { TargetReader } from './request-target.ts'
import { safeLogger } from './safe-logger.ts'
import type { OpenStream, ServerCore } from './server-core.ts'
import { watchStalledConnections } from './stalled-connections.ts'
import { forwardedReader } from './trusted-proxies.ts'

/** `'idle'`: before `listen()`. `'stopping'`: from `close()` until the last connection is gone. A server runs once. */
export type ServerStatus = 'idle' | 'running' | 'stopping' | 'stopped'

/** What a stop came to. */
export interface CloseReport {
  /** Connections that were destroyed at the deadline, with a request in flight. 0: everybody was served. */
  readonly destroyedConnections: number
}

/** See {@link createServer}. */
export interface Server {
  /**
   * Begins to accept connections.
   *
   * @throws {@link ListenError} by its `code`: `'address-in-use'`, `'permission-denied'`... It may be called again then.
   * @throws {@link ServerStateError} `code: 'already-listening'`; `'stopped'` after `close()`.
   */
  listen(): Promise<ListeningAddress>
  /**
   * Stops: accepts no more connections, closes the idle ones, lets requests in flight finish (their responses say
   * `Connection: close`; over HTTP/2 it is GOAWAY that says so) and destroys what is left at the deadline. At the start
   * `context.closing` aborts; `request.signal` only when a connection is destroyed. A second call changes nothing and
   * gives the same promise.
   *
   * @throws {@link OptionError} at once, which names the option.
   */
  close(options?: CloseOptions): Promise<CloseReport>
  /**
   * Takes another certificate for the handshakes to come; connections that are open keep theirs.
   *
   * @throws {@link OptionError} for a server without `tls`, or a certificate that is none.
   */
  setSecureContext(context: SecureContextOptions): void
  /** Resolves when the server has stopped, whoever stopped it. */
  readonly closed: Promise<void>
  readonly status: ServerStatus
  /** Where it listens; undefined before and after. */
  readonly address: ListeningAddress | undefined
  /** The port, which port 0 let the system choose; undefined on a Unix socket, before and after. */
  readonly port: number | undefined
  /** `http://127.0.0.1:8080`; undefined on a Unix socket, before and after. An address of everywhere is shown as localhost. */
  readonly url: string | undefined
  readonly isIPv6: boolean
  /** Open connections, idle ones included. */
  readonly activeConnections: number
  /** Requests whose response has not ended, event streams included. */
  readonly requestsInFlight: number
  /** `close()` with its defaults, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Makes an HTTP server for a web handler. Nothing runs until `listen()`.
 *
 * @throws {@link OptionError} which names the option and its value.
 * @example
 * ```ts
 * const server = createServer({ fetch: () => new Response('Hello\n'), port: 0 })
 * await server.listen()
 * console.log(await (await fetch(`http://127.0.0.1:${server.port}`)).text()) // 'Hello\n'
 * await server.close()
 * ```
 */
export function createServer(options: ServerOptions): Server {
  return new HttpServerLife(options)
}

class HttpServerLife implements Server {
  readonly closed: Promise<void>
  readonly #core: ServerCore
  readonly #http: HttpServer
  readonly #front: ConnectionFront | undefined
  readonly #closing = new AbortController()
  readonly #sockets = new Set<Socket>()
  readonly #eventStreams = new Set<OpenStream>()
  readonly #options: ServerOptions
  readonly #resolveClosed: () => void
  #status: ServerStatus = 'idle'
  #listening: Promise<ListeningAddress> | undefined
  #closeReport: Promise<CloseReport> | undefined
  #endsEventStreams = false
  #stopWatching: (() => void) | undefined
  #isClosingIdle = false
  #onLastSocket: (() => void) | undefined

  constructor(options: ServerOptions) {
    const settings = resolveSettings(options)
    // As many listeners as there are requests that want to know of a stop.
    setMaxListeners(0, this.#closing.signal)
    this.#options = options
    this.#core = {
      settings,
      fetch: withMiddleware(options),
      requests: options.requests ?? (takesLightRequests(options.fetch) ? 'light' : 'native'),
      log: safeLogger(options.logger),
      targets: new TargetReader(),
      forwarded: settings.trustProxy === undefined ? undefined : forwardedReader(settings.trustProxy),
      closing: this.#closing.signal,
      pipelines: new Pipelines(),
      closingConnections: new WeakSet(),
      proxyHeaders: settings.proxyProtocol === undefined ? undefined : new WeakMap(),
      requestsInFlight: 0,
      streamOpened: (stream) => {
        this.#eventStreams.add(stream)
        if (this.#endsEventStreams) this.#endSoon(stream)
      },
      streamClosed: (stream) => {
        this.#eventStreams.delete(stream)
      },
      exchangeEnded: () => {
        // Its response had promised to keep the connection before the stop began.
        if (this.#status === 'stopping') this.#closeIdleSoon()
      },
      connectionClosed: (socket) => {
        this.#sockets.delete(socket)
        if (this.#sockets.size === 0) this.#onLastSocket?.()
      },
      handedOver: {
        failed: (error) => {
          this.#core.log.error({ event: 'body-failed', error }, 'The body of a response failed')
        },
        gone: (sink, socket) => {
          this.#core.requestsInFlight -= 1
          this.#core.streamClosed(sink)
          this.#core.pipelines.leave(socket)
          this.#core.connectionClosed(socket)
        },
      },
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.#http = makeHttp1Server(this.#core)
    this.#front = standBefore(this.#core, this.#http)
    this.#http
      .on('connection', (socket) => {
        this.#adopt(socket)
      })
      .on('error', (error) => {
        // Before that it is `listen()` which rejects.
        if (this.#status !== 'running') return
        this.#core.log.error({ event: 'server-failed', error }, 'The listening socket failed')
      })
  }

  // Life.

  listen(): Promise<ListeningAddress> {
    if (this.#closeReport !== undefined) return Promise.reject(new ServerStateError('stopped'))
    if (this.#listening !== undefined) return Promise.reject(new ServerStateError('already-listening'))
    this.#listening = this.#listen()
    return this.#listening
  }

  async #listen(): Promise<ListeningAddress> {
    try {
      await listen(this.#http, this.#core.settings)
    } catch (error) {
      this.#listening = undefined
      throw error
    }
    const address = this.#boundAddress()
    this.#status = 'running'
    this.#watchStalled()
    this.#core.log.info({ event: 'listening' }, `Listening on ${this.url ?? describe(address)}`)
    if (channels.listening.hasSubscribers) channels.listening.publish({ address } satisfies ListeningEvent)
    this.#options.onListening?.(address)
    return address
  }

  #watchStalled(): void {
    const { responseStallTimeoutMs, runtime } = this.#core.settings
    if (responseStallTimeoutMs === 0) return
    this.#stopWatching = watchStalledConnections(this.#sockets, responseStallTimeoutMs, runtime, (socket) => {
      const { remoteAddress } = socket
      const reason = 'the client does not read its response'
      this.#core.log.warn(
        { event: 'connection-failed', reason, remoteAddress },
        `Closed a connection: ${reason}`,
      )
      socket.destroy()
    })
  }

  close({ timeoutMs = 10_000, eventStreams = 'end' }: CloseOptions = {}): Promise<CloseReport> {
    if (this.#closeReport !== undefined) return this.#closeReport
    checkCloseOptions({ timeoutMs, eventStreams })
    this.#closeReport = this.#close(timeoutMs, eventStreams)
    return this.#closeReport
  }

  async #close(timeoutMs: number, eventStreams: 'end' | 'wait'): Promise<CloseReport> {
    // A listen() that is under way settles first; its caller hears of its failure.
    await this.#listening?.catch(() => {})
    let destroyedConnections = 0
    if (this.#status === 'running') {
      this.#status = 'stopping'
      this.#core.log.info({ event: 'stopping' }, 'Stopping')
      destroyedConnections = await this.#drain(timeoutMs, eventStreams)
    }
    this.#stopWatching?.()
    this.#status = 'stopped'
    this.#core.log.info({ event: 'stopped' }, 'Stopped')
    this.#resolveClosed()
    return { destroyedConnections }
  }

  async #drain(timeoutMs: number, eventStreams: 'end' | 'wait'): Promise<number> {
    const { runtime } = this.#core.settings
    const lastSocketGone = new Promise<void>((resolve) => {
      this.#onLastSocket = resolve
    })
    // Closes the idle connections, too.
    const stoppedListening = new Promise<void>((resolve) => {
      this.#http.close(() => {
        resolve()
      })
    })
    this.#closing.abort(new DOMException('The server is stopping', 'AbortError'))
    this.#endsEventStreams = eventStreams === 'end'
    if (this.#endsEventStreams) for (const stream of this.#eventStreams) this.#endSoon(stream)
    // Connections that have never said anything do not count as idle for Node.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
    this.#front?.close()

    let destroyed = 0
    const timer = Number.isFinite(timeoutMs)
      ? runtime.setTimeout(() => {
          destroyed = this.#sockets.size
          for (const socket of this.#sockets) socket.destroy()
        }, timeoutMs)
      : undefined
    await stoppedListening
    // Node's word comes before the sockets' own 'close', and with it what the handlers have to clean up.
    if (this.#sockets.size > 0) await lastSocketGone
    if (timer !== undefined) runtime.clearTimeout(timer)
    return destroyed
  }

  /** One turn later: what `context.closing` made the source say goes out first. */
  #endSoon(stream: OpenStream): void {
    this.#core.settings.runtime.endOfTurn(() => {
      if (this.#eventStreams.has(stream)) stream.end()
    })
  }

  /** Once a turn: each time Node looks at every connection, and thousands may end together. */
  #closeIdleSoon(): void {
    if (this.#isClosingIdle) return
    this.#isClosingIdle = true
    this.#core.settings.runtime.endOfTurn(() => {
      this.#isClosingIdle = false
      this.#http.closeIdleConnections()
    })
  }

  #adopt(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#core.connectionClosed(socket)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  setSecureContext(context: SecureContextOptions): void {
    if (this.#front === undefined)
      throw new OptionError('tls', undefined, 'given where its certificate is to be renewed')
    this.#front.setSecureContext(context)
  }

  // What it says of itself.

  get status(): ServerStatus {
    return this.#status
  }

  get address(): ListeningAddress | undefined {
    return this.#http.listening ? this.#boundAddress() : undefined
  }

  get port(): number | undefined {
    const { address } = this
    return address?.kind === 'tcp' ? address.port : undefined
  }

  get url(): string | undefined {
    const { address } = this
    if (address?.kind !== 'tcp') return undefined
    const isEverywhere = address.address === '0.0.0.0' || address.address === '::'
    const host = isEverywhere ? 'localhost' : address.address
    const scheme = this.#core.settings.tls === undefined ? 'http' : 'https'
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port}`
  }

  get isIPv6(): boolean {
    const { address } = this
    return address?.kind === 'tcp' && address.family === 'IPv6'
  }

  get activeConnections(): number {
    return this.#sockets.size
  }

  get requestsInFlight(): number {
    return this.#core.requestsInFlight
  }

  #boundAddress(): ListeningAddress {
    const bound = this.#http.address()
    if (bound === null || typeof bound === 'string') return { kind: 'unix', path: bound ?? '' }
    const { address, port, family } = bound
    return { kind: 'tcp', address, port, family: family === 'IPv6' ? 'IPv6' : 'IPv4' }
  }
}

function withMiddleware({ fetch, middleware = [] }: ServerOptions): Handler {
  if (middleware.length === 0) return fetch
  return compose(
    middleware.map((one) => staged(one)),
    fetch,
  )
}

function describe(address: ListeningAddress): string {
  return address.kind === 'unix' ? address.path : `${address.address}:${address.port}`
}
