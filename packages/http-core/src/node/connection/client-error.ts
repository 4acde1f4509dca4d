import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { reasonPhrase } from '../../response/status.ts'
import type { Runtime } from '../../runtime.ts'
import type { Reports } from '../reports/reports.ts'
import type { Peers } from './peers.ts'
import { destroyAfter } from '../message/unread-content.ts'

/** A connection as node:http keeps it. */
interface HttpConnection extends Duplex {
  readonly remoteAddress?: string | undefined
  /** The response whose turn it is. */
  readonly _httpMessage?: ServerResponse | null
}

/** What Node's parser and its timeouts report. */
interface ClientError extends Error {
  readonly code?: string
  readonly reason?: string
  readonly rawPacket?: Buffer
  /** How much of the packet the parser had taken. */
  readonly bytesParsed?: number
}

/** By Node's codes; whatever else is wrong is a 400. */
const statuses: ReadonlyMap<string, number> = new Map([
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
])

/** What the last answer on a connection is made with. */
interface Closing {
  readonly runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout' | 'wallClock'>
  readonly serverHeader: string | undefined
}

/** A client that does not close its side after we closed ours. */
const lingerMs = 1000

/**
 * Makes the listener that answers what is not HTTP, or comes too slowly. The parser has given up the connection: whatever is answered, it is
 * closed afterwards.
 *
 * The fault lies in the request that was being read. Responses to earlier requests of the same connection go first, or
 * the client would take ours for theirs.
 */
export function clientErrorListener(
  reports: Reports,
  peers: Peers,
  { runtime, serverHeader }: Closing,
  closingConnections: WeakSet<Socket>,
): (error: ClientError, socket: HttpConnection) => void {
  // Node's parser reports again for every further piece of a connection that it has given up.
  const refused = new WeakSet<HttpConnection>()
  return (error, socket) => {
    if (refused.has(socket)) return
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    if (closingConnections.has(socket as Socket) && socket._httpMessage?.writableEnded !== false) {
      // Some releases of Node report a transfer coding that we have refused already. Nothing may follow a response that says
      // `Connection: close` (RFC 9112 section 9.6), and Node closes the connection behind it.
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
    // It is on its way, whole.
    destroyAfter(pending, pending.req)
  } else if (pending.headersSent) {
    // The fault is in the content of a request that is being answered already: no way to say so.
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

/** Ends a connection with a response without content; destroys it if the client does not close its side soon. */
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
    // RFC 9110 section 6.6.1: every response of a 4xx or 5xx status that a server with a clock makes.
    `Date: ${new Date(runtime.wallClock()).toUTCString()}`,
    ...(serverHeader === undefined ? [] : [`Server: ${serverHeader}`]),
  ]
  socket.end(`HTTP/1.1 ${status} ${reasonPhrase(status) ?? ''}\r\n${fields.join('\r\n')}\r\n\r\n`)
}

function statusOf(error: ClientError): number {
  if (error.code === 'HPE_HEADER_OVERFLOW') return isInRequestLine(error) ? 414 : 431
  // The same code stands for a line that ends wrongly.
  if (error.code === 'HPE_INVALID_VERSION' && error.reason === 'Invalid HTTP version') return 505
  return statuses.get(error.code ?? '') ?? 400
}

/**
 * Whether the head grew too large before its first line had ended: then it is the target that is too long.
 *
 *     GET /xxxxxxxxxx|x HTTP/1.1      where the parser gave up: a request line has a blank before its target,
 *     Cookie: a=b; c=|d               a field line a colon before any
 *     xxxxxxxxxxxxxxx|x HTTP/1.1      a line that began in an earlier packet: no blank, as in a target
 *
 * The last may be a field without any blank, cut so that the packet ends in it: that is taken for a target.
 */
function isInRequestLine({ rawPacket, bytesParsed }: ClientError): boolean {
  const parsed = rawPacket?.toString('latin1', 0, bytesParsed) ?? ''
  const start = parsed.lastIndexOf('\n') + 1
  const line = parsed.slice(start)
  return /^[A-Z-]+ \S*$/.test(line) || (start === 0 && /^\S+$/.test(line))
}
