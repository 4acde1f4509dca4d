import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Runtime } from '../../runtime.ts'
import { waitingBytes } from './stalled-connections.ts'

/**
 * Sends a PING to the client of an HTTP/2 connection at each interval, and calls `lost` if the client sends nothing for a
 * whole interval. A client that has vanished or frozen sends no FIN, so this is the only way to notice.
 *
 *     interval       interval       interval
 *     |------------->|------------->|
 *                    PING           no byte has come since: lost
 *
 * Any byte from the client counts, including the answer to the PING. While the server still has bytes to send, the PING may
 * wait behind them, so silence does not count, and `responseStallTimeoutMs` applies instead.
 *
 * @returns a function that stops watching.
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-6.7
 */
export function watchHttp2Client(
  session: ServerHttp2Session,
  socket: Socket,
  intervalMs: number,
  runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>,
  lost: () => void,
): () => void {
  let bytesAtQuestion: number | undefined
  const look = (): void => {
    const isSilent = socket.bytesRead === bytesAtQuestion
    if (isSilent && waitingBytes(socket) === 0) {
      lost()
      return
    }
    if (!isSilent) {
      bytesAtQuestion = socket.bytesRead
      ask(session)
    }
    timer = runtime.setTimeout(look, intervalMs)
  }
  let timer = runtime.setTimeout(look, intervalMs)
  return () => {
    runtime.clearTimeout(timer)
  }
}

function ask(session: ServerHttp2Session): void {
  if (session.destroyed) return
  if (session.closed) {
    // Node sends no PING after a GOAWAY was sent or received. The client must acknowledge SETTINGS too.
    session.settings({})
  } else {
    // The callback is not needed: the answer shows in `bytesRead`.
    session.ping(() => {})
  }
}
