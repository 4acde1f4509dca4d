import { byteSourceSymbol, formatComment } from '@sse-toolkit/sse-server'
import type { ByteSource, SharedBytes } from '@sse-toolkit/sse-server'

/** Breaks the connection at once: no last event, no end of the body, and what was queued is lost. */
export type Cut = () => void

/**
 * Gives a handle on the connection that will carry a response, by standing between the response's byte source and the
 * server's sink:
 *
 *     hub -> ByteSource -> [here] -> ByteSink -> socket
 *
 * @param greeting - A comment before everything else.
 * @param onOpen - Called when a server attached its sink. A server that reads `body` instead gives no handle.
 * @param onClosed - Called once the connection is gone, if it was opened.
 */
export function cuttable(
  response: Response,
  greeting: string,
  onOpen: (cut: Cut) => void,
  onClosed: (cut: Cut) => void,
): Response {
  // Absent from the answer to a HEAD request, and from a refusal.
  const source = (response as { [byteSourceSymbol]?: ByteSource })[byteSourceSymbol]
  if (source === undefined) return response
  const stand: ByteSource = {
    attach(sink) {
      const cut: Cut = () => sink.abort()
      sink.write(bytesOf(formatComment(greeting)))
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

function bytesOf(text: string): SharedBytes {
  const bytes = Buffer.from(text)
  return { bytes, chunk: Buffer.from(`${bytes.length.toString(16)}\r\n${text}\r\n`) }
}
