import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** Whether {@link takeSocket} may take the connection, for all that can be known before the head is sent. */
export function canTakeSocket(message: IncomingMessage, response: ServerResponse): boolean {
  const socket: HttpSocket | null = response.socket
  return (
    socket !== null &&
    // A TLS socket has more to it, and its own memory is many times that of the rest.
    Object.getPrototypeOf(socket) === Socket.prototype &&
    !socket.destroyed &&
    // No response is in front of it, and no request has been read behind it.
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
 * Takes a connection away from node:http, when all that is still to come on it is one endless response. To be called at
 * the end of a turn: the parser must not be at work.
 *
 *     before   socket - parser - IncomingMessage - ServerResponse, and what ties them      5 kB of heap
 *     after    socket                                                                     1 kB
 *
 * The figures are those of `pnpm bench idle-memory`. The socket itself stays what and where it is: code that holds it sees
 * no difference, and its server counts it on. Three of the things that are used here are not documented: the parser that
 * node:http leaves on the socket, the parser's methods, and which listeners node:http has on the socket. So each is
 * looked at first, and where anything is not exactly as it is known to be (Node 22, 24 and 26; nobody else listens),
 * nothing is touched, and the connection stays with node:http.
 *
 * The head has to say `Connection: close`: what the client sends behind its request is not served, but asked again on another
 * connection (RFC 9112 section 9.6).
 *
 * @returns the socket, without a listener; undefined where it stays with node:http.
 */
export function takeSocket(message: IncomingMessage, response: ServerResponse): Socket | undefined {
  // A head that waits for the network is still the response's.
  if (!canTakeSocket(message, response) || !message.complete || response.writableLength > 0) return undefined
  const socket: HttpSocket | null = response.socket
  const parser = socket?.parser
  if (socket === null || !isParser(parser)) return undefined

  parser.unconsume()
  parser.remove()
  for (const reference of ['socket', 'incoming', 'outgoing', 'onIncoming'] as const) parser[reference] = null
  // Its callbacks are bound to the connection.
  for (const [name, value] of Object.entries(parser)) {
    if (typeof value === 'function') Reflect.set(parser, name, null)
  }
  parser.close()
  socket.parser = null
  response.detachSocket(socket)
  socket.removeAllListeners()
  // node:http watches the listeners of the socket on the socket itself; deleting that would make the socket a dictionary.
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

// How many there are of each: node:http's, and this package's one 'close' each and one 'end'.
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
