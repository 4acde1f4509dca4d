import { OutgoingMessage } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ByteSinkListener, SharedBytes } from '../connection/byte-sink.ts'
import { listenForClose } from './node-response.ts'
import type { ResponseByteSink } from './node-response.ts'

/**
 * An HTTP/1.1 response as an output: chunks, framed once for all connections, straight to the socket.
 *
 * `response.write` frames each piece again for each connection, in three writes. After the head has been sent, the
 * socket takes the same bytes, as long as the response is the one that it is sending, in the chunked coding, and nobody
 * stands between: then this is the shorter way to the same bytes.
 *
 * @returns undefined where that is not so.
 */
export function createHttp1ByteSink(response: ServerResponse): ResponseByteSink | undefined {
  const { socket } = response
  if (
    socket === null ||
    !response.chunkedEncoding ||
    response.write !== write ||
    response.end !== end ||
    !isSending(socket, response)
  ) {
    return undefined
  }
  return {
    write(shared: SharedBytes): boolean {
      if (socket.destroyed || !isSending(socket, response)) return false
      return socket.write(shared.chunk)
    },
    get bufferedBytes(): number {
      return socket.writableLength
    },
    close() {
      response.end()
    },
    abort() {
      response.destroy()
    },
    cut() {
      // RFC 9112 section 8: a chunked message without its last chunk is not whole. The FIN follows what is queued.
      socket.destroySoon()
    },
    listen(listener: ByteSinkListener) {
      const onDrain = (): void => listener.drained()
      socket.on('drain', onDrain)
      listenForClose(response, () => {
        // The socket may go on to serve the next request.
        socket.off('drain', onDrain)
        listener.closed()
      })
    },
  }
}

// As they are before anybody wraps them: on the response itself, or, as monitoring agents do, on a prototype.
const write: unknown = Reflect.get(OutgoingMessage.prototype, 'write')
const end: unknown = Reflect.get(OutgoingMessage.prototype, 'end')

// node:http notes on a socket which response it is sending. It is not documented, so where it is missing this is false,
// and the ordinary way is taken.
function isSending(socket: Socket, response: ServerResponse): boolean {
  return '_httpMessage' in socket && socket._httpMessage === response
}
