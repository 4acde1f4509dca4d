import { byteSourceSymbol } from '@sse-toolkit/sse-server'
import type { ByteSource } from '@sse-toolkit/sse-server'

/** Breaks the connection at once: no last event, no end of the body, and what was queued is lost. */
export type Cut = () => void

/**
 * Gives a handle on the connection that will carry a response, by standing between the response's byte source and the
 * server's sink:
 *
 *     hub -> ByteSource -> [here] -> ByteSink -> socket
 *
 * @param onOpen - Called when a server attached its sink. A server that reads `body` instead gives no handle.
 * @param onClosed - Called once the connection is gone, if it was opened.
 */
export function cuttable(
  response: Response,
  onOpen: (cut: Cut) => void,
  onClosed: (cut: Cut) => void,
): Response {
  // Absent from the answer to a HEAD request, and from a refusal.
  const source = (response as { [byteSourceSymbol]?: ByteSource })[byteSourceSymbol]
  if (source === undefined) return response
  const stand: ByteSource = {
    attach(sink) {
      const cut: Cut = () => sink.abort()
      const listener = source.attach(sink)
      onOpen(cut)
      return {
        drained: () => listener.drained(),
        closed() {
          onClosed(cut)
          listener.closed()
        },
      }
    },
  }
  return Object.defineProperty(new Response(response.body, response), byteSourceSymbol, { value: stand })
}
