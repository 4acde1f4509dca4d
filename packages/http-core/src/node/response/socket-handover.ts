import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** Whether {@link takeSocket} may take the connection, as far as this is known before the head is sent. */
export function canTakeSocket(message: IncomingMessage, response: ServerResponse): boolean {
  const socket: HttpSocket | null = response.socket
  return (
    socket !== null &&
    // A TLS socket is more complex, and needs many times the memory that a handover saves.
    Object.getPrototypeOf(socket) === Socket.prototype &&
    !socket.destroyed &&
    // No earlier response is pending, and no later request has been read.
    socket._httpMessage === response &&
    isParser(socket.parser) &&
    socket.parser.socket === socket &&
    socket.parser.incoming === message &&
    response.useChunkedEncodingByDefault &&
    (socket.timeout ?? 0) === 0 &&
    hasJust(response, responseListeners) &&
    hasJust(socket, socketListeners)
  )
}

/**
 * Takes a connection away from node:http, if one endless response is all that will still be sent on it. Call this at the end
 * of a turn, when the parser is not at work.
 *
 *     before   socket - parser - IncomingMessage - ServerResponse, and their references    5 kB of heap
 *     after    socket                                                                     1 kB
 *
 * The figures come from `pnpm bench idle-memory`. The socket itself stays the same: code that holds it sees no difference,
 * and its server still counts it.
 *
 * This uses three undocumented features: the parser that node:http keeps on the socket, the parser's methods, and the
 * listeners that node:http adds to the socket. Each is checked first. If anything differs from Node 22, 24 and 26, or other
 * code listens to the socket, nothing is changed, and the connection stays with node:http.
 *
 * The head must say `Connection: close`, so that the client repeats later requests on another connection: on this one they
 * are not served (RFC 9112 section 9.6).
 *
 * @returns the socket, without listeners; undefined if the connection stays with node:http.
 */
export function takeSocket(message: IncomingMessage, response: ServerResponse): Socket | undefined {
  // A head that is still waiting to be sent belongs to the response.
  if (!canTakeSocket(message, response) || !message.complete || response.writableLength > 0) return undefined
  const socket: HttpSocket | null = response.socket
  const parser = socket?.parser
  if (socket === null || !isParser(parser)) return undefined

  parser.unconsume()
  parser.remove()
  for (const reference of ['socket', 'incoming', 'outgoing', 'onIncoming'] as const) parser[reference] = null
  // The parser's callbacks hold references to the connection.
  for (const [name, value] of Object.entries(parser)) {
    if (typeof value === 'function') Reflect.set(parser, name, null)
  }
  parser.close()
  socket.parser = null
  response.detachSocket(socket)
  socket.removeAllListeners()
  // node:http replaces these methods on the socket. Deleting them would turn the socket into a slow dictionary object.
  for (const name of watchedMethods) {
    if (Object.hasOwn(socket, name)) Reflect.set(socket, name, Reflect.get(Socket.prototype, name))
  }
  return socket
}

interface HttpSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null
  parser?: unknown
}

interface HttpParser {
  socket: unknown
  incoming: unknown
  outgoing: unknown
  onIncoming: unknown
  unconsume(): void
  remove(): void
  close(): void
}

function isParser(parser: unknown): parser is HttpParser {
  return (
    typeof parser === 'object' &&
    parser !== null &&
    'socket' in parser &&
    'incoming' in parser &&
    'outgoing' in parser &&
    'onIncoming' in parser &&
    ['unconsume', 'remove', 'close'].every((name) => typeof Reflect.get(parser, name) === 'function')
  )
}

// The expected number of listeners: those of node:http, plus this package's 'close' on both and 'end' on the socket.
const socketListeners = { close: 3, end: 3, error: 1, drain: 1, data: 1, timeout: 1, resume: 1, pause: 1 }
const responseListeners = { close: 1, finish: 1 }

function hasJust(emitter: Socket | ServerResponse, counts: Readonly<Record<string, number>>): boolean {
  const names = emitter.eventNames()
  return (
    names.length === Object.keys(counts).length &&
    names.every((name) => typeof name === 'string' && emitter.listenerCount(name) === counts[name])
  )
}

const watchedMethods = ['on', 'addListener', 'prependListener', 'setEncoding'] as const
