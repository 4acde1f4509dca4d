import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends the connection of an HTTP/1.1 or HTTP/1.0 response so that the client sees that the content is incomplete.
 *
 * Content that ends with the connection (for an HTTP/1.0 client) counts as complete unless the connection fails, so the
 * connection is reset.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-8
 */
export function destroyUnfinished(response: ServerResponse, socket: Socket): void {
  const endsWithConnection = !response.chunkedEncoding && !response.hasHeader('content-length')
  if (endsWithConnection && !('encrypted' in socket)) socket.resetAndDestroy()
  else socket.destroy()
}
