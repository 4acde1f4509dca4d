import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Settings } from '../lifecycle/settings.ts'
import { expectationOf } from '../message/expectation.ts'
import { endsConnection } from '../message/framing.ts'
import type { Admit } from '../request/admission.ts'
import type { Refuse } from '../request/refusal.ts'
import type { ServeExchange } from '../response/exchange-parts.ts'
import type { Reports } from '../reports/reports.ts'
import type { Peers } from './peers.ts'
import { UnservedRequests } from './unserved-requests.ts'
import { clientErrorListener, closeWith } from './client-error.ts'
import { isAnswering, mayUpgrade } from '../upgrade/connection-upgrade.ts'
import { serveUpgrade } from '../upgrade/serve-upgrade.ts'

/** How often Node looks for requests that take too long: a timeout can be late by so much. */
const checkingIntervalMs = 1000

/** What serving HTTP/1.1 needs. */
export interface Http1Parts {
  readonly settings: Settings
  readonly reports: Reports
  readonly peers: Peers
  /** Connections on which a response said `Connection: close`: requests behind it are not served. */
  readonly closingConnections: WeakSet<Socket>
  readonly admit: Admit
  readonly refuse: Refuse
  readonly serveExchange: ServeExchange
}

/** Makes the node:http server whose requests become exchanges. It does not listen yet. */
export function makeHttp1Server(parts: Http1Parts): Server {
  const { settings, reports, peers } = parts
  const { upgradeProtocols } = settings
  const unserved = new UnservedRequests()
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: true,
    // As `Headers` does; and a duplicate Host shows.
    joinDuplicateHeaders: true,
    optimizeEmptyRequests: true,
    noDelay: true,
    keepAlive: settings.tcpKeepAliveMs > 0,
    keepAliveInitialDelay: settings.tcpKeepAliveMs,
    maxHeaderSize: settings.maxHeaderBytes,
    headersTimeout: settings.headersTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    connectionsCheckingInterval: checkingIntervalMs,
    keepAliveTimeout: settings.idleTimeoutMs,
    shouldUpgradeCallback: (message) => mayUpgrade(message, upgradeProtocols),
    ...(settings.highWaterMarkBytes !== undefined && { highWaterMark: settings.highWaterMarkBytes }),
  })
  // Node would drop what is beyond a count, silently; `admit` refuses it.
  server.maxHeadersCount = 0
  if (Number.isFinite(settings.maxConnections)) server.maxConnections = settings.maxConnections
  const serveRequest = (message: IncomingMessage, response: ServerResponse): void => {
    serve(parts, unserved, message, response)
  }
  return (
    server
      .on('connection', (socket) => {
        socket.on('end', cutUnlessEnded)
      })
      .on('request', serveRequest)
      // Node looks for `100-continue` as a part of the field; and would answer 417 without a look at the rest.
      .on('checkContinue', serveRequest)
      .on('checkExpectation', serveRequest)
      .on('upgrade', (message, socket, head) => {
        serveUpgrade(parts, message, socket, head)
      })
      .on('connect', (message, socket) => {
        // Node has taken its own listeners off.
        socket.on('error', () => {
          socket.destroy()
        })
        reports.requestRefused(501, 'the method CONNECT', peers.addressOf(message.socket))
        if (isAnswering(message.socket)) message.socket.destroySoon()
        else closeWith(settings, socket, 501)
      })
      .on('clientError', clientErrorListener(reports, peers, settings, parts.closingConnections))
      .on('drop', (data) => {
        reports.connectionDropped(data?.remoteAddress, settings.maxConnections)
      })
  )
}

/**
 * The client sends no more. Node closes the connection for that, once it has sent what waits, and whatever is written to a
 * response now is lost. So a response that has not ended is given up at once, however much of it a client takes that
 * could still read: one that only looks like that has left.
 */
function cutUnlessEnded(this: Socket & { readonly _httpMessage?: ServerResponse | null }): void {
  if (this._httpMessage?.writableEnded === false) this.destroy()
}

function serve(
  { settings, closingConnections, admit, refuse, serveExchange }: Http1Parts,
  unserved: UnservedRequests,
  message: IncomingMessage,
  response: ServerResponse,
): void {
  if (closingConnections.has(message.socket)) {
    unserved.drop(message)
    return
  }
  const admitted = admit(message)
  const expectation = expectationOf(message)
  if ('status' in admitted) {
    refuse(message, response, admitted)
  } else if (expectation === 'unknown') {
    refuse(message, response, { status: 417, reason: 'an unknown expectation', connection: 'close' })
  } else if (message.url === '*') {
    // RFC 9110 section 9.3.7: about the server as a whole there is nothing to say but that it is there.
    const { serverHeader: server } = settings
    response.writeHead(204, {
      ...(endsConnection(message) && { connection: 'close' }),
      ...(server !== undefined && { server }),
    })
    response.end()
  } else {
    serveExchange(message, response, admitted, expectation === 'continue' ? 'continue' : undefined)
  }
}
