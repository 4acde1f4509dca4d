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

/** The parts of the server that a TLS/PROXY listener needs. */
export interface TlsProxyParts extends Http2Parts {
  readonly peers: Peers
}

/** Reads PROXY headers and makes TLS handshakes, before HTTP gets a connection. */
export interface TlsProxyListener {
  /** Closes connections that have not sent a request yet, and sends GOAWAY on HTTP/2 connections. For a server that stops. */
  close(): void
  /** Uses this certificate for new handshakes. */
  setSecureContext(context: SecureContextOptions): void
}

/**
 * Replaces node:http's own listener for connections:
 *
 *     listening socket -> PROXY header -> TLS handshake -> ALPN +-> 'http/1.1', or none -> node:http's listener
 *                         (an option)     (an option)           +-> 'h2' -------------> an HTTP/2 session
 *
 * With this, a single server listens, counts connections and stops, whatever protocol its clients speak. A server without
 * TLS and PROXY headers is left unchanged.
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
      if (secure === undefined) throw new OptionError('tls', undefined, 'a server that was created with tls')
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
  // A Unix socket has no address. The permissions of its file decide which processes may connect.
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

/** The PROXY header of the connection whose handshake is running. */
const handshakes = new AsyncLocalStorage<ProxyHeader>()

/** The connections that speak TLS. */
class SecureConnections {
  readonly #peers: Peers
  readonly #server: TlsServer
  readonly #sessions: Http2Sessions
  /** Connections that speak HTTP/1.1. node:http does not treat them as idle before their first request. */
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
      throw new OptionError('tls', options, 'options of tls.createServer: a certificate and its key', {
        cause: error,
      })
    }
    this.#server
      .on('secureConnection', (socket) => {
        // A TLS socket does not reveal the socket underneath, so the header comes from the async context of the handshake.
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
    // The TLS socket inherits this setting: a client that closes its side during the handshake has left. After the
    // handshake, both versions of HTTP handle this themselves.
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
