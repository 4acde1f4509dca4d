import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends the connection of a response over HTTP/1.1 or HTTP/1.0 so that its content is seen not to be whole.
 *
 * Content that is delimited by its connection (to a client of HTTP/1.0) is whole unless the connection fails: it is reset.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-8
 */
export function destroyUnfinished(response: ServerResponse, socket: Socket): void {
  const endsWithConnection = !response.chunkedEncoding && !response.hasHeader('content-length')
  if (endsWithConnection && !('encrypted' in socket)) socket.resetAndDestroy()
  else socket.destroy()
}
