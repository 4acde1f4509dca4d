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

/** How often Node looks for requests that take too long. A timeout can be late by this time. */
const checkingIntervalMs = 1000

/** The parts of the server that serve HTTP/1.1. */
export interface Http1Parts {
  readonly settings: Settings
  readonly reports: Reports
  readonly peers: Peers
  /** Connections with a response that said `Connection: close`. Later requests on them are not served. */
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
    // Join duplicates as `Headers` does. A joined Host field is then detected as invalid.
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
  // Node would silently drop fields beyond this count. `admit` refuses the request instead.
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
      // Node only looks for `100-continue` anywhere in the field, and would answer 417 without checking the rest of the head.
      .on('checkContinue', serveRequest)
      .on('checkExpectation', serveRequest)
      .on('upgrade', (message, socket, head) => {
        serveUpgrade(parts, message, socket, head)
      })
      .on('connect', (message, socket) => {
        // Node has removed its own listeners.
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
 * Called when the client closes its sending side. Node then closes the connection after the data that is already written,
 * and everything written later is lost. So the server gives up a response that has not ended, even if the client could
 * still read: a client that has left looks exactly the same.
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
    // RFC 9110 section 9.3.7: `OPTIONS *` asks about the server as a whole. The answer only shows that the server is there.
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
