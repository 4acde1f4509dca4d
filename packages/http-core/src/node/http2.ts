import { performServerHandshake } from 'node:http2'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { Exchange } from './exchange.ts'
import { admit } from './admission.ts'
import { Http2Request, Http2Response, resetStream } from './http2-message.ts'
import { refuse } from './refusal.ts'
import type { ServerCore } from './server-core.ts'

/** Each field counts as its name, its value and 32 bytes (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32
/** A session that says nothing is told of the end so much later than it was promised; see `idleTimeoutMs`. */
const IDLE_GRACE_MS = 1000

/** The HTTP/2 sessions of one server. */
export interface Http2Sessions {
  /** Speaks HTTP/2 on a connection that has chosen it. */
  serve(socket: Socket): void
  /** GOAWAY: no more streams; each connection closes with its last one. */
  close(): void
}

/**
 * Makes the sessions' keeper. Every stream becomes an exchange, as every request of HTTP/1.1 does.
 *
 * What node:http2 does by itself: a client that resets streams faster than it may (CVE-2023-44487), that sends frames
 * out of order or fills the session's memory is cut off; a head above `maxHeaderBytes` is reset with ENHANCE_YOUR_CALM.
 */
export function makeHttp2Sessions(core: ServerCore): Http2Sessions {
  const { settings } = core
  const sessions = new Set<ServerHttp2Session>()
  const options = {
    settings: {
      maxConcurrentStreams: settings.maxConcurrentStreams,
      maxHeaderListSize: settings.maxHeaderBytes,
      enableConnectProtocol: false,
      enablePush: false,
    },
    // By number `admit` refuses them; here the size alone counts.
    maxHeaderListPairs: Math.ceil(settings.maxHeaderBytes / FIELD_OVERHEAD_BYTES),
    // A second Host shows, as it does in HTTP/1.1.
    strictSingleValueFields: false,
  }
  return {
    serve(socket) {
      const session = performServerHandshake(socket, options)
      sessions.add(session)
      let streams = 0
      session
        .on('stream', (stream, _headers, _flags, rawHeaders) => {
          streams += 1
          // 'close' follows, with all there is to know.
          stream.on('error', () => {})
          stream.once('close', () => {
            streams -= 1
          })
          limitStall(core, stream)
          serveStream(core, new Http2Request(stream, socket, rawHeaders), new Http2Response(stream))
        })
        .on('error', (error) => {
          core.log.warn(
            { event: 'connection-failed', error, remoteAddress: socket.remoteAddress },
            'An HTTP/2 connection failed',
          )
        })
        .once('close', () => {
          sessions.delete(session)
          socket.destroy()
        })
      if (settings.idleTimeoutMs > 0) {
        session.setTimeout(settings.idleTimeoutMs + IDLE_GRACE_MS, () => {
          // An event stream may well be silent for so long.
          if (streams === 0) session.close()
        })
      }
      if (core.closing.aborted) session.close()
    },
    close() {
      for (const session of sessions) session.close()
    },
  }
}

function serveStream(core: ServerCore, request: Http2Request, response: Http2Response): void {
  const expects = request.headers.expect?.toLowerCase()
  const admitted = admit(core, request)
  if ('status' in admitted) {
    refuse(core, request, response, admitted)
  } else if (expects !== undefined && expects !== '100-continue') {
    refuse(core, request, response, { status: 417, reason: 'an unknown expectation', connection: 'keep' })
  } else if (request.url === '*') {
    response.writeHead(204, '', [])
    response.end()
  } else {
    if (request.hasContent) limitTime(core, request, response)
    new Exchange(core, request, response, admitted, expects === undefined ? undefined : 'continue').serve()
  }
}

/** A stream whose client grants it no window keeps what it has to say; Node's timer of a stream runs while nothing is sent. */
function limitStall({ settings, log }: ServerCore, stream: ServerHttp2Stream): void {
  if (settings.responseStallTimeoutMs === 0) return
  stream.setTimeout(settings.responseStallTimeoutMs, () => {
    // An event stream may well be silent for so long.
    if (stream.writableLength === 0) return
    const reason = 'the client does not read its response'
    log.warn({ event: 'connection-failed', reason }, `Gave up a stream: ${reason}`)
    resetStream(stream)
  })
}

/** What node:http's `requestTimeout` is for HTTP/1.1. */
function limitTime({ settings }: ServerCore, { stream }: Http2Request, response: Http2Response): void {
  const { requestTimeoutMs, runtime } = settings
  if (requestTimeoutMs === 0) return
  const timer = runtime.setTimeout(() => {
    if (response.headersSent) {
      response.reset()
    } else {
      response.writeHead(408, '', [])
      response.end()
    }
  }, requestTimeoutMs)
  const done = (): void => {
    runtime.clearTimeout(timer)
  }
  stream.once('end', done).once('close', done)
}
