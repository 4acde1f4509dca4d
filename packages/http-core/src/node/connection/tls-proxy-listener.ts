import { AsyncLocalStorage } from 'node:async_hooks'
import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { SecureContextOptions, Server as TlsServer, TLSSocket } from 'node:tls'
import { OptionError } from '../../errors/option-error.ts'
import type { ProxyHeader } from '../../request/proxy-header.ts'
import { makeHttp2Sessions } from './http2.ts'
import type { Http2Parts, Http2Sessions } from './http2.ts'
import type { TlsOptions } from '../lifecycle/options.ts'
import type { ProxyProtocolSettings } from '../lifecycle/settings.ts'
import type { Peers } from './peers.ts'
import { readProxyHeader } from './proxy-reader.ts'

/** What a TLS/PROXY listener needs. */
export interface TlsProxyParts extends Http2Parts {
  readonly peers: Peers
}

/** What stands between the listening socket and HTTP. */
export interface TlsProxyListener {
  /** The server stops: connections that have not come to their first request are closed, HTTP/2's with GOAWAY. */
  close(): void
  /** New handshakes are made with this certificate. */
  setSecureContext(context: SecureContextOptions): void
}

/**
 * Takes the place of node:http's own listener for connections:
 *
 *     listening socket -> PROXY header -> TLS handshake -> ALPN +-> 'http/1.1', or none -> node:http's listener
 *                         (an option)     (an option)           +-> 'h2' -------------> an HTTP/2 session
 *
 * So one server listens, counts connections and stops, whatever is spoken on it; and a plain one is not touched at all.
 */
export function listenBefore(http: HttpServer, parts: TlsProxyParts): TlsProxyListener | undefined {
  const { tls, proxyProtocol } = parts.settings
  if (tls === undefined && proxyProtocol === undefined) return undefined
  const own = http.listeners('connection')
  const serveHttp1 = (socket: Socket): void => {
    for (const listener of own) listener.call(http, socket)
  }
  http.removeAllListeners('connection')
  const secure = tls === undefined ? undefined : new SecureConnections(parts, tls, serveHttp1)
  const begin = (socket: Socket): void => {
    if (secure === undefined) serveHttp1(socket)
    else secure.begin(socket)
  }
  const preparing = new Set<Socket>()
  http.on('connection', (socket) => {
    if (proxyProtocol === undefined) begin(socket)
    else readHeader(parts, proxyProtocol, socket, preparing, begin)
  })
  return {
    close() {
      for (const socket of preparing) socket.destroy()
      secure?.close()
    },
    setSecureContext(context) {
      if (secure === undefined) throw new OptionError('tls', undefined, 'a server that was made with tls')
      secure.setSecureContext(context)
    },
  }
}

function readHeader(
  { settings, reports, peers }: TlsProxyParts,
  { mode, isTrusted, ...limits }: ProxyProtocolSettings,
  socket: Socket,
  preparing: Set<Socket>,
  begin: (socket: Socket) => void,
): void {
  const refuse = (reason: string): void => {
    const { remoteAddress } = socket
    reports.connectionFailed(`Closed a connection: ${reason}`, { reason, remoteAddress })
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
  readProxyHeader(socket, limits, settings.runtime, (outcome) => {
    leave()
    socket.off('close', leave)
    if (outcome.kind === 'invalid') {
      refuse(outcome.reason)
    } else if (outcome.kind === 'absent' && mode === 'required') {
      refuse('it began without a PROXY header')
    } else {
      if (outcome.kind === 'header') peers.introduce(socket, outcome.header)
      begin(socket)
    }
  })
}

/** What was said of the connection that a handshake is made on. */
const handshakes = new AsyncLocalStorage<ProxyHeader>()

/** Handshakes, and what comes of them. */
class SecureConnections {
  readonly #peers: Peers
  readonly #server: TlsServer
  readonly #sessions: Http2Sessions
  /** Those that speak HTTP/1.1: node:http does not count one as idle before its first request. */
  readonly #http1 = new Set<TLSSocket>()

  constructor(parts: TlsProxyParts, options: TlsOptions, serveHttp1: (socket: Socket) => void) {
    const { peers, reports, closing } = parts
    this.#peers = peers
    this.#sessions = makeHttp2Sessions(parts)
    const { http2, headersTimeoutMs } = parts.settings
    try {
      this.#server = createTlsServer({
        ...(headersTimeoutMs > 0 && { handshakeTimeout: headersTimeoutMs }),
        ...options,
        ALPNProtocols: http2 === 'offer' ? ['h2', 'http/1.1'] : ['http/1.1'],
      })
    } catch (error) {
      throw new OptionError('tls', options, 'what tls.createServer takes: a certificate and its key', {
        cause: error,
      })
    }
    this.#server
      .on('secureConnection', (socket) => {
        // Node's TLS sockets do not tell what they were made of; the context of the handshake does.
        const header = handshakes.getStore()
        if (header !== undefined) peers.introduce(socket, header)
        if (socket.alpnProtocol === 'h2') {
          this.#sessions.serve(socket)
          return
        }
        this.#http1.add(socket)
        socket.once('close', () => {
          this.#http1.delete(socket)
        })
        serveHttp1(socket)
        if (closing.aborted) socket.end()
      })
      .on('tlsClientError', (error, socket) => {
        reports.connectionFailed('A TLS handshake failed', { error, remoteAddress: socket.remoteAddress })
        socket.destroy()
      })
  }

  begin(socket: Socket): void {
    // The TLS socket takes this over: a client that closes its side during the handshake has left. Later on, both
    // versions of HTTP see to that themselves.
    socket.allowHalfOpen = false
    const header = this.#peers.headerOf(socket)
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
      throw new OptionError('tls', context, 'a certificate and its key', { cause: error })
    }
  }
}
