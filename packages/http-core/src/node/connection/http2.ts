import { performServerHandshake } from 'node:http2'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Settings } from '../lifecycle/settings.ts'
import type { Reports } from '../reports/reports.ts'
import type { Admit } from '../request/admission.ts'
import type { Refuse } from '../request/refusal.ts'
import type { ServeExchange } from '../response/exchange-parts.ts'
import { expectationOf } from '../message/expectation.ts'
import { Http2Request, Http2Response, resetStream } from '../message/http2-message.ts'
import { watchHttp2Client } from './http2-liveness.ts'
import { waitingBytes } from './stalled-connections.ts'

/** The size of a field is its name, its value and 32 bytes (RFC 9113 section 6.5.2). */
const fieldOverheadBytes = 32
/** The server sends GOAWAY to an idle session this long after `idleTimeoutMs`. */
const idleGraceMs = 1000
/** How long a client may take to close a connection whose last stream has ended. */
const lingerMs = 1000

/** The parts of the server that serve HTTP/2. */
export interface Http2Parts {
  readonly settings: Settings
  readonly reports: Reports
  /** Aborts when the server begins to stop. */
  readonly closing: AbortSignal
  readonly admit: Admit
  readonly refuse: Refuse
  readonly serveExchange: ServeExchange
}

/** The HTTP/2 sessions of one server. */
export interface Http2Sessions {
  /** Serves HTTP/2 on a connection whose client has chosen it. */
  serve(socket: Socket): void
  /** Sends GOAWAY on all connections: they accept no more streams, and each closes after its last stream. */
  close(): void
}

/**
 * Creates the keeper of all sessions. Each stream becomes an exchange, like each request of HTTP/1.1.
 *
 * node:http2 itself cuts off a client that resets streams too fast (CVE-2023-44487), sends frames out of order, or fills
 * the session's memory. It resets a stream whose head exceeds `maxHeaderBytes` with ENHANCE_YOUR_CALM.
 */
export function makeHttp2Sessions(parts: Http2Parts): Http2Sessions {
  const { settings, closing } = parts
  const connections = new Set<Http2Connection>()
  const options = {
    settings: {
      maxConcurrentStreams: settings.maxConcurrentStreams,
      maxHeaderListSize: settings.maxHeaderBytes,
      enableConnectProtocol: false,
      enablePush: false,
    },
    // `admit` limits the number of fields. This value is so large that only the size limits them here.
    maxHeaderListPairs: Math.ceil(settings.maxHeaderBytes / fieldOverheadBytes),
    // Keeps a second Host field, so that it is detected as in HTTP/1.1.
    strictSingleValueFields: false,
  }
  return {
    serve(socket) {
      const connection = new Http2Connection(parts, socket, performServerHandshake(socket, options), () => {
        connections.delete(connection)
      })
      connections.add(connection)
      if (closing.aborted) connection.close()
    },
    close() {
      for (const connection of connections) connection.close()
    },
  }
}

/**
 * One connection, and the ways in which it ends:
 *
 *     FIN, or close_notify ------------> destroyed: see `constructor`
 *     RST -----------------------------> destroyed by Node
 *     no answer to a PING --------------> destroyed, after `http2PingIntervalMs`
 *     idle ------------> GOAWAY ----+
 *     the server stops -> GOAWAY ---+--> after the last stream the client closes it, or it is destroyed a second later
 *     the client's own GOAWAY ------+
 */
class Http2Connection {
  readonly #parts: Http2Parts
  readonly #socket: Socket
  readonly #session: ServerHttp2Session
  #streams = 0
  #lingering: unknown
  #stopWatching: (() => void) | undefined

  constructor(parts: Http2Parts, socket: Socket, session: ServerHttp2Session, closed: () => void) {
    this.#parts = parts
    this.#socket = socket
    this.#session = session
    // A client that has closed its sending side can no longer acknowledge PING and SETTINGS (RFC 9113 sections 6.5.3 and 6.7)
    // or grant more window. It counts as gone, even if it could still read. Node would wait for it forever.
    socket.on('end', () => {
      socket.destroy()
    })
    session
      .on('stream', (stream, _headers, _flags, rawHeaders) => {
        this.#serve(stream, rawHeaders)
      })
      .on('goaway', () => {
        if (this.#streams === 0) this.#linger()
      })
      .on('error', (error) => {
        this.#report('An HTTP/2 connection failed', { error })
      })
      .once('close', () => {
        this.#stopWatching?.()
        parts.settings.runtime.clearTimeout(this.#lingering)
        socket.destroy()
        closed()
      })
    this.#limitIdleness()
    this.#limitSilence()
  }

  /** Sends GOAWAY: the connection accepts no more streams and closes after its last stream. */
  close(): void {
    this.#session.close()
    if (this.#streams === 0) this.#linger()
  }

  #serve(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    this.#streams += 1
    // Ignored, because 'close' follows.
    stream.on('error', () => {})
    stream.once('close', () => {
      this.#streams -= 1
      if (this.#streams === 0 && this.#session.closed) this.#linger()
    })
    limitStall(this.#parts, stream)
    serveStream(this.#parts, new Http2Request(stream, this.#socket, rawHeaders), new Http2Response(stream))
  }

  #limitIdleness(): void {
    const { idleTimeoutMs } = this.#parts.settings
    if (idleTimeoutMs === 0) return
    this.#session.setTimeout(idleTimeoutMs + idleGraceMs, () => {
      // A connection with open streams may be silent: event streams often are.
      if (this.#streams === 0) this.close()
    })
  }

  #limitSilence(): void {
    const { http2PingIntervalMs, runtime } = this.#parts.settings
    if (http2PingIntervalMs === 0) return
    this.#stopWatching = watchHttp2Client(this.#session, this.#socket, http2PingIntervalMs, runtime, () => {
      const reason = 'the client did not answer a PING'
      this.#report(`Closed a connection: ${reason}`, { reason })
      this.#socket.destroy()
    })
  }

  /** Closes the connection after GOAWAY and the last stream. Node would wait for the client without a limit. */
  #linger(): void {
    const { runtime } = this.#parts.settings
    runtime.clearTimeout(this.#lingering)
    this.#lingering = runtime.setTimeout(() => {
      // Bytes that are still waiting are the end of a response.
      if (waitingBytes(this.#socket) > 0) this.#linger()
      else this.#socket.destroy()
    }, lingerMs)
  }

  #report(text: string, fields: { readonly error: Error } | { readonly reason: string }): void {
    const { remoteAddress } = this.#socket
    this.#parts.reports.connectionFailed(text, { ...fields, remoteAddress })
  }
}

function serveStream(parts: Http2Parts, request: Http2Request, response: Http2Response): void {
  const { admit, refuse, serveExchange } = parts
  const expectation = expectationOf(request)
  const admitted = admit(request)
  if ('status' in admitted) {
    refuse(request, response, admitted)
  } else if (expectation === 'unknown') {
    refuse(request, response, { status: 417, reason: 'an unknown expectation', connection: 'keep' })
  } else if (request.url === '*') {
    response.writeHead(204, '', ownFields(parts))
    response.end()
  } else {
    if (request.hasContent) limitTime(parts, request, response)
    serveExchange(request, response, admitted, expectation === 'continue' ? 'continue' : undefined)
  }
}

/** The fields of a response that the server makes itself. */
function ownFields({ settings: { serverHeader } }: Pick<Http2Parts, 'settings'>): string[] {
  return serverHeader === undefined ? [] : ['server', serverHeader]
}

/** Resets a stream whose client grants no window. Node's timeout of a stream runs while the stream sends nothing. */
function limitStall({ settings, reports }: Http2Parts, stream: ServerHttp2Stream): void {
  if (settings.responseStallTimeoutMs === 0) return
  stream.setTimeout(settings.responseStallTimeoutMs, () => {
    // A stream with nothing to send may be silent: event streams often are.
    if (stream.writableLength === 0) return
    const reason = 'the client does not read its response'
    reports.connectionFailed(`Reset a stream: ${reason}`, { reason })
    resetStream(stream)
  })
}

/** Enforces `requestTimeoutMs`, as node:http's `requestTimeout` does for HTTP/1.1. */
function limitTime({ settings }: Http2Parts, { stream }: Http2Request, response: Http2Response): void {
  const { requestTimeoutMs, runtime } = settings
  if (requestTimeoutMs === 0) return
  const timer = runtime.setTimeout(() => {
    if (response.headersSent) {
      response.reset()
    } else {
      response.writeHead(408, '', ownFields({ settings }))
      response.end()
    }
  }, requestTimeoutMs)
  const done = (): void => {
    runtime.clearTimeout(timer)
  }
  stream.once('end', done).once('close', done)
}
