import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Runtime } from '../../runtime.ts'
import { waitingBytes } from './stalled-connections.ts'

/**
 * Asks the client of an HTTP/2 connection for a sign of life at each interval, and calls `lost` when a whole interval
 * passes without one: a client that vanished, or froze, sends no FIN that could be noticed.
 *
 *     interval       interval       interval
 *     |------------->|------------->|
 *                    PING           no byte has come since: lost
 *
 * Any byte is a sign of life, the answer to the PING among them. While bytes of ours still wait to be sent, the PING may
 * wait behind them, and silence proves nothing: `responseStallTimeoutMs` decides then.
 *
 * @returns stops asking.
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
    // Node sends no PING once a GOAWAY has gone out or come in. SETTINGS have to be acknowledged as well.
    session.settings({})
  } else {
    // The answer shows in the bytes that were read.
    session.ping(() => {})
  }
}
