import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { reasonPhrase } from '../../response/status.ts'
import type { Runtime } from '../../runtime.ts'
import type { Reports } from '../reports/reports.ts'
import type { Peers } from './peers.ts'
import { destroyAfter } from '../message/unread-content.ts'

/** A connection with the undocumented property that node:http adds. */
interface HttpConnection extends Duplex {
  readonly remoteAddress?: string | undefined
  /** The response that is being sent. */
  readonly _httpMessage?: ServerResponse | null
}

/** An error that Node's parser or one of its timeouts reports. */
interface ClientError extends Error {
  readonly code?: string
  readonly reason?: string
  readonly rawPacket?: Buffer
  /** How many bytes of the packet the parser had read. */
  readonly bytesParsed?: number
}

/** The status by Node's error code. Any other error is a 400. */
const statuses: ReadonlyMap<string, number> = new Map([
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
])

/** The parts of the server that {@link closeWith} needs. */
interface Closing {
  readonly runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout' | 'wallClock'>
  readonly serverHeader: string | undefined
}

/** How long the client may take to close its side after the server has closed its own. */
const lingerMs = 1000

/**
 * Makes the listener that answers requests that are not valid HTTP or arrive too slowly. The parser has given up the
 * connection, so the connection closes after the answer.
 *
 * The fault is in the request that was being read. Responses to earlier requests of the connection must be sent first, or
 * the client would mistake the refusal for one of them.
 */
export function clientErrorListener(
  reports: Reports,
  peers: Peers,
  { runtime, serverHeader }: Closing,
  closingConnections: WeakSet<Socket>,
): (error: ClientError, socket: HttpConnection) => void {
  // After the parser has given up a connection, it reports an error for each further packet.
  const refused = new WeakSet<HttpConnection>()
  return (error, socket) => {
    if (refused.has(socket)) return
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    if (closingConnections.has(socket as Socket) && socket._httpMessage?.writableEnded !== false) {
      // Some releases of Node report a transfer coding that the server has already refused. Nothing may follow a response
      // with `Connection: close` (RFC 9112 section 9.6), and Node closes the connection after that response.
      return
    }
    refused.add(socket)
    const status = statusOf(error)
    reports.requestRefused(status, `${error.message} (${error.code ?? 'no code'})`, peers.addressOf(socket))
    refuseInTurn({ runtime, serverHeader }, socket, status)
  }
}

function refuseInTurn(closing: Closing, socket: HttpConnection, status: number): void {
  if (socket.destroyed) return
  const pending = socket._httpMessage
  if (pending == null || pending.writableFinished) {
    closeWith(closing, socket, status)
  } else if (pending.req.complete) {
    pending.once('close', () => {
      refuseInTurn(closing, socket, status)
    })
  } else if (pending.writableEnded) {
    // The response is complete and being sent.
    destroyAfter(pending, pending.req)
  } else if (pending.headersSent) {
    // The fault is in the content of a request that is already being answered, so no status can be sent.
    socket.destroy()
  } else {
    destroyAfter(pending, pending.req)
    const { serverHeader: server } = closing
    pending.writeHead(status, {
      connection: 'close',
      'content-length': 0,
      ...(server !== undefined && { server }),
    })
    pending.end()
  }
}

/** Ends a connection with a response without content. Destroys the connection if the client does not close its side soon. */
export function closeWith({ runtime, serverHeader }: Closing, socket: Duplex, status: number): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const timer = runtime.setTimeout(() => {
    socket.destroy()
  }, lingerMs)
  socket.once('close', () => {
    runtime.clearTimeout(timer)
  })
  const fields = [
    'Connection: close',
    'Content-Length: 0',
    // RFC 9110 section 6.6.1: a server with a clock should send Date.
    `Date: ${new Date(runtime.wallClock()).toUTCString()}`,
    ...(serverHeader === undefined ? [] : [`Server: ${serverHeader}`]),
  ]
  socket.end(`HTTP/1.1 ${status} ${reasonPhrase(status) ?? ''}\r\n${fields.join('\r\n')}\r\n\r\n`)
}

function statusOf(error: ClientError): number {
  if (error.code === 'HPE_HEADER_OVERFLOW') return isInRequestLine(error) ? 414 : 431
  // Node uses the same code for a request line with a wrong ending.
  if (error.code === 'HPE_INVALID_VERSION' && error.reason === 'Invalid HTTP version') return 505
  return statuses.get(error.code ?? '') ?? 400
}

/**
 * Whether the head became too large before the end of its first line, so that the target is too long. `|` marks where the
 * parser gave up:
 *
 *     GET /xxxxxxxxxx|x HTTP/1.1      a request line: a blank before the target
 *     Cookie: a=b; c=|d               a field line: a colon before any blank
 *     xxxxxxxxxxxxxxx|x HTTP/1.1      a line that began in an earlier packet, without a blank so far, as in a target
 *
 * In the last case the line could also be a field without any blank. It is still treated as a target.
 */
function isInRequestLine({ rawPacket, bytesParsed }: ClientError): boolean {
  const parsed = rawPacket?.toString('latin1', 0, bytesParsed) ?? ''
  const start = parsed.lastIndexOf('\n') + 1
  const line = parsed.slice(start)
  return /^[A-Z-]+ \S*$/.test(line) || (start === 0 && /^\S+$/.test(line))
}
