import { setMaxListeners } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { OptionError } from '../../errors/option-error.ts'
import { ServerStateError } from '../../errors/server-state-error.ts'
import { compose, staged } from '../../middleware/middleware.ts'
import type { Handler } from '../../middleware/middleware.ts'
import { takesLightRequests } from '../../request/light-requests.ts'
import { makeHttp1Server } from '../connection/http1.ts'
import { Load } from '../connection/load.ts'
import { Peers } from '../connection/peers.ts'
import { systemRuntime } from '../../runtime.ts'
import { watchStalledConnections } from '../connection/stalled-connections.ts'
import { watchUnacknowledgedData } from '../connection/unacknowledged-data.ts'
import { listenBefore } from '../connection/tls-proxy-listener.ts'
import type { TlsProxyListener } from '../connection/tls-proxy-listener.ts'
import { Reports } from '../reports/reports.ts'
import { makeAdmit } from '../request/admission.ts'
import { makeRefuse } from '../request/refusal.ts'
import type { ExchangeParts, ServeExchange } from '../response/exchange-parts.ts'
import { Exchange } from '../response/exchange.ts'
import { checkCloseOptions } from './close-options.ts'
import type { CloseOptions } from './close-options.ts'
import { listen } from './listen.ts'
import { OpenStreams } from './open-streams.ts'
import type { ListeningAddress, ServerOptions } from './options.ts'
import type { CloseReport, Server, ServerStatus } from './server-types.ts'
import { resolveSettings } from './settings.ts'
import type { Settings } from './settings.ts'

/**
 * Creates an HTTP server for a web handler. The server does nothing until you call `listen()`.
 *
 * @throws {@link OptionError} naming the option and its value.
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
  readonly #settings: Settings
  readonly #reports: Reports
  readonly #http: HttpServer
  /** Undefined if node:http's own listener takes the connections. */
  readonly #listener: TlsProxyListener | undefined
  readonly #closing = new AbortController()
  readonly #sockets = new Set<Socket>()
  readonly #load = new Load()
  readonly #streams: OpenStreams
  readonly #options: ServerOptions
  readonly #resolveClosed: () => void
  #status: ServerStatus = 'idle'
  #listening: Promise<ListeningAddress> | undefined
  #closeReport: Promise<CloseReport> | undefined
  readonly #watches: (() => void)[] = []
  #isClosingIdle = false
  #onLastSocket: (() => void) | undefined

  constructor(options: ServerOptions) {
    const settings = resolveSettings(options)
    const { runtime } = settings
    this.#options = options
    this.#settings = settings
    this.#reports = new Reports(options.logger, options.logEventNames)
    this.#streams = new OpenStreams(runtime)
    // Each request that reacts to a stop adds a listener, so there is no useful limit.
    setMaxListeners(0, this.#closing.signal)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
    const closing = this.#closing.signal
    const peers = new Peers(settings.proxyProtocol === undefined ? 'off' : 'read')
    const closingConnections = new WeakSet<Socket>()
    const shared = { settings, reports: this.#reports, peers, closing, closingConnections }
    const exchangeParts: ExchangeParts = {
      ...shared,
      handler: withMiddleware(options),
      requests: options.requests ?? (takesLightRequests(options.fetch) ? 'light' : 'native'),
      load: this.#load,
      streams: this.#streams,
      handedOver: {
        failed: (error) => {
          this.#reports.handedOverFailed(error)
        },
        gone: (sink, socket) => {
          this.#load.requestsInFlight -= 1
          this.#streams.closed(sink)
          this.#load.leave(socket)
          this.#connectionClosed(socket)
        },
      },
      exchangeEnded: () => {
        // The response may have promised to keep the connection before the server began to stop.
        if (this.#status === 'stopping') this.#closeIdleSoon()
      },
    }
    const httpParts = {
      ...shared,
      admit: makeAdmit({
        settings,
        peers,
        load: this.#load,
        announcedLength: takesLightRequests(options.fetch) ? 'handler' : 'checked',
      }),
      refuse: makeRefuse({ ...shared, serverHeader: settings.serverHeader, runtime }),
      serveExchange: serveExchanges(exchangeParts),
    }
    this.#http = makeHttp1Server(httpParts)
    this.#listener = listenBefore(this.#http, httpParts)
    this.#http
      .on('connection', (socket) => {
        this.#adopt(socket)
      })
      .on('error', (error) => {
        // Before the server runs, `listen()` rejects with the error.
        if (this.#status === 'running') this.#reports.serverFailed(error)
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
      await listen(this.#http, this.#settings)
    } catch (error) {
      this.#listening = undefined
      throw error
    }
    const address = this.#boundAddress()
    this.#status = 'running'
    this.#watchConnections()
    this.#reports.listening(address, this.url ?? describe(address))
    this.#options.onListening?.(address)
    return address
  }

  #watchConnections(): void {
    const { responseStallTimeoutMs, tcpUserTimeoutMs, runtime } = this.#settings
    const cut =
      (reason: string) =>
      (socket: Socket): void => {
        const { remoteAddress } = socket
        this.#reports.connectionFailed(`Closed a connection: ${reason}`, { reason, remoteAddress })
        socket.destroy()
      }
    if (responseStallTimeoutMs > 0) {
      const stalled = cut('the client does not read its response')
      this.#watches.push(watchStalledConnections(this.#sockets, responseStallTimeoutMs, runtime, stalled))
    }
    if (tcpUserTimeoutMs > 0) {
      const lost = cut('the client no longer acknowledges anything')
      // The kernel counts on the system's clock, so this ignores `runtime`.
      this.#watches.push(watchUnacknowledgedData(this.#sockets, tcpUserTimeoutMs, systemRuntime, lost))
    }
  }

  close({ timeoutMs = 10_000, eventStreams = 'end' }: CloseOptions = {}): Promise<CloseReport> {
    if (this.#closeReport !== undefined) {
      return this.#closeReport.then((report) => ({ ...report, call: 'repeated' }))
    }
    checkCloseOptions({ timeoutMs, eventStreams })
    this.#closeReport = this.#close(timeoutMs, eventStreams)
    return this.#closeReport
  }

  async #close(timeoutMs: number, eventStreams: 'end' | 'wait'): Promise<CloseReport> {
    // Wait for a pending listen(); if it fails, the caller of listen() gets the error.
    await this.#listening?.catch(() => {})
    let destroyedConnections = 0
    if (this.#status === 'running') {
      this.#status = 'stopping'
      this.#reports.stopping()
      destroyedConnections = await this.#drain(timeoutMs, eventStreams)
    }
    for (const stop of this.#watches) stop()
    this.#status = 'stopped'
    this.#reports.stopped()
    this.#resolveClosed()
    return { destroyedConnections, call: 'first' }
  }

  async #drain(timeoutMs: number, eventStreams: 'end' | 'wait'): Promise<number> {
    const { runtime } = this.#settings
    const lastSocketGone = new Promise<void>((resolve) => {
      this.#onLastSocket = resolve
    })
    // This also closes the idle connections.
    const stoppedListening = new Promise<void>((resolve) => {
      this.#http.close(() => {
        resolve()
      })
    })
    this.#closing.abort(new DOMException('The server is stopping', 'AbortError'))
    if (eventStreams === 'end') this.#streams.endAll()
    // Node does not treat a connection that never sent a byte as idle.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
    this.#listener?.close()

    let destroyed = 0
    const timer = Number.isFinite(timeoutMs)
      ? runtime.setTimeout(() => {
          destroyed = this.#sockets.size
          for (const socket of this.#sockets) socket.destroy()
        }, timeoutMs)
      : undefined
    await stoppedListening
    // Node calls back before the sockets emit 'close', and handlers clean up on 'close'.
    if (this.#sockets.size > 0) await lastSocketGone
    if (timer !== undefined) runtime.clearTimeout(timer)
    return destroyed
  }

  /** At most once per turn: each call makes Node check every connection, and thousands of exchanges may end together. */
  #closeIdleSoon(): void {
    if (this.#isClosingIdle) return
    this.#isClosingIdle = true
    this.#settings.runtime.endOfTurn(() => {
      this.#isClosingIdle = false
      this.#http.closeIdleConnections()
    })
  }

  #adopt(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#connectionClosed(socket)
    })
  }

  /** Called once for each connection. A connection that was handed over no longer has node:http's listeners. */
  #connectionClosed(socket: Socket): void {
    this.#sockets.delete(socket)
    if (this.#sockets.size === 0) this.#onLastSocket?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  setSecureContext(context: SecureContextOptions): void {
    if (this.#listener === undefined)
      throw new OptionError('tls', undefined, 'a server that was created with tls')
    this.#listener.setSecureContext(context)
  }

  // Status.

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
    const scheme = this.#settings.tls === undefined ? 'http' : 'https'
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
    return this.#load.requestsInFlight
  }

  #boundAddress(): ListeningAddress {
    const bound = this.#http.address()
    if (bound === null || typeof bound === 'string') return { kind: 'unix', path: bound ?? '' }
    const { address, port, family } = bound
    return { kind: 'tcp', address, port, family: family === 'IPv6' ? 'IPv6' : 'IPv4' }
  }
}

function serveExchanges(parts: ExchangeParts): ServeExchange {
  return (message, response, admitted, expects, upgradable) => {
    new Exchange(parts, message, response, admitted, expects, upgradable).serve()
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
