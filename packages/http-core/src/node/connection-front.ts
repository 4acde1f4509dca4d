import { AsyncLocalStorage } from 'node:async_hooks'
import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { SecureContextOptions, Server as TlsServer, TLSSocket } from 'node:tls'
import { OptionError } from '../errors/option-error.ts'
import type { ProxyHeader } from '../proxy-header.ts'
import { makeHttp2Sessions } from './http2.ts'
import type { Http2Sessions } from './http2.ts'
import type { TlsOptions } from './options.ts'
import { readProxyHeader } from './proxy-reader.ts'
import type { ServerCore } from './server-core.ts'

/** What stands between the listening socket and HTTP. */
export interface ConnectionFront {
  /** The server stops: connections that have not come to their first request are closed, HTTP/2's with GOAWAY. */
  close(): void
  /** New handshakes are made with this certificate. */
  setSecureContext(context: SecureContextOptions): void
}

/**
 * Stands before node:http's own listener for connections:
 *
 *     listening socket -> PROXY header -> TLS handshake -> ALPN +-> 'http/1.1', or none -> node:http's listener
 *                         (an option)     (an option)           +-> 'h2' -------------> an HTTP/2 session
 *
 * So one server listens, counts connections and stops, whatever is spoken on it; and a plain one is not touched at all.
 */
export function standBefore(core: ServerCore, http: HttpServer): ConnectionFront | undefined {
  const { tls, proxyProtocol } = core.settings
  if (tls === undefined && proxyProtocol === undefined) return undefined
  const own = http.listeners('connection')
  const serveHttp1 = (socket: Socket): void => {
    for (const listener of own) listener.call(http, socket)
  }
  http.removeAllListeners('connection')
  const secure = tls === undefined ? undefined : new SecureConnections(core, tls, serveHttp1)
  const begin = (socket: Socket): void => {
    if (secure === undefined) serveHttp1(socket)
    else secure.begin(socket)
  }
  const preparing = new Set<Socket>()
  http.on('connection', (socket) => {
    if (proxyProtocol === undefined) begin(socket)
    else readHeader(core, proxyProtocol, socket, preparing, begin)
  })
  return {
    close() {
      for (const socket of preparing) socket.destroy()
      secure?.close()
    },
    setSecureContext(context) {
      if (secure === undefined)
        throw new OptionError('tls', undefined, 'given where its certificate is to be renewed')
      secure.setSecureContext(context)
    },
  }
}

/** See {@link ServerOptions.proxyProtocol}. */
export interface ProxyProtocolSettings {
  readonly mode: 'required' | 'optional'
  /** Whose headers are read; undefined: anybody's. */
  readonly isTrusted: ((address: string) => boolean) | undefined
  readonly timeoutMs: number
  readonly maxBytes: number
}

function readHeader(
  core: ServerCore,
  { mode, isTrusted, ...limits }: ProxyProtocolSettings,
  socket: Socket,
  preparing: Set<Socket>,
  begin: (socket: Socket) => void,
): void {
  const refuse = (reason: string): void => {
    const { remoteAddress } = socket
    core.log.warn({ event: 'connection-failed', reason, remoteAddress }, `Closed a connection: ${reason}`)
    socket.on('error', () => {}).destroy()
  }
  const { remoteAddress } = socket
  // On a Unix socket there is no address: the file's permissions say who may connect.
  if (isTrusted !== undefined && remoteAddress !== undefined && !isTrusted(remoteAddress)) {
    if (mode === 'optional') begin(socket)
    else refuse('it did not come from a trusted proxy')
    return
  }
  const leave = (): void => {
    preparing.delete(socket)
  }
  preparing.add(socket)
  socket.once('close', leave)
  readProxyHeader(socket, limits, core.settings.runtime, (outcome) => {
    leave()
    socket.off('close', leave)
    if (outcome.kind === 'invalid') {
      refuse(outcome.reason)
    } else if (outcome.kind === 'absent' && mode === 'required') {
      refuse('it began without a PROXY header')
    } else {
      if (outcome.kind === 'header') core.proxyHeaders?.set(socket, outcome.header)
      begin(socket)
    }
  })
}

/** What was said of the connection that a handshake is made on. */
const handshakes = new AsyncLocalStorage<ProxyHeader>()

/** Handshakes, and what comes of them. */
class SecureConnections {
  readonly #core: ServerCore
  readonly #server: TlsServer
  readonly #sessions: Http2Sessions
  /** Those that speak HTTP/1.1: node:http does not count one as idle before its first request. */
  readonly #http1 = new Set<TLSSocket>()

  constructor(core: ServerCore, options: TlsOptions, serveHttp1: (socket: Socket) => void) {
    this.#core = core
    this.#sessions = makeHttp2Sessions(core)
    const { http2, headersTimeoutMs } = core.settings
    try {
      this.#server = createTlsServer({
        ...(headersTimeoutMs > 0 && { handshakeTimeout: headersTimeoutMs }),
        ...options,
        ALPNProtocols: http2 === 'offer' ? ['h2', 'http/1.1'] : ['http/1.1'],
      })
    } catch (error) {
      throw new OptionError('tls', options, 'what tls.createServer takes: a certificate and its key', error)
    }
    this.#server
      .on('secureConnection', (socket) => {
        // Node's TLS sockets do not tell what they were made of; the context of the handshake does.
        const header = handshakes.getStore()
        if (header !== undefined) core.proxyHeaders?.set(socket, header)
        if (socket.alpnProtocol === 'h2') {
          this.#sessions.serve(socket)
          return
        }
        this.#http1.add(socket)
        socket.once('close', () => {
          this.#http1.delete(socket)
        })
        serveHttp1(socket)
        if (core.closing.aborted) socket.end()
      })
      .on('tlsClientError', (error, socket) => {
        core.log.warn(
          { event: 'connection-failed', error, remoteAddress: socket.remoteAddress },
          'A TLS handshake failed',
        )
        socket.destroy()
      })
  }

  begin(socket: Socket): void {
    // The TLS socket takes this over: a client that closes its side during the handshake has left. Later on, both
    // versions of HTTP see to that themselves.
    socket.allowHalfOpen = false
    const header = this.#core.proxyHeaders?.get(socket)
    if (header === undefined) this.#server.emit('connection', socket)
    else handshakes.run(header, () => this.#server.emit('connection', socket))
  }

  close(): void {
    for (const socket of this.#http1) if (socket.bytesRead === 0) socket.destroy()
    this.#sessions.close()
  }

  setSecureContext(context: SecureContextOptions): void {
    try {
      this.#server.setSecureContext(context)
    } catch (error) {
      throw new OptionError('tls', context, 'a certificate and its key', error)
    }
  }
}
