import { systemRuntime } from '../runtime.ts'
import { isHttp2 } from './node-response.ts'
import type { NodeResponse } from './node-response.ts'
import { watchUnacknowledgedData } from './unacknowledged-data.ts'
import type { TcpConnection } from './unacknowledged-data.ts'

/** As http-core's `tcpUserTimeoutMs`: heartbeats see to it that something is sent to whom nothing else is. */
const userTimeoutMs = 30_000

/** The connection of an open stream. */
interface Watched extends TcpConnection {
  destroy(): unknown
}

const open = new Set<Watched>()
let stop: (() => void) | undefined

/**
 * Destroys the connection of a response, while it is open, once its client has acknowledged nothing for 30 s: one that
 * vanished sends no FIN, and the kernel would send it heartbeats again and again for some fifteen minutes. On Linux.
 */
export function watchForVanishing(response: NodeResponse): void {
  const connection = connectionOf(response)
  if (connection === undefined || response.closed) return
  open.add(connection)
  stop ??= watchUnacknowledgedData(open, userTimeoutMs, systemRuntime, (lost) => void lost.destroy())
  response.once('close', () => {
    open.delete(connection)
    if (open.size > 0) return
    stop?.()
    stop = undefined
  })
}

/** For HTTP/1.1 the socket itself. For HTTP/2, whose sockets are not accessible, its addresses and the end of its session. */
function connectionOf(response: NodeResponse): Watched | undefined {
  if (!isHttp2(response)) return response.socket ?? undefined
  const { session } = response.stream
  if (session === undefined || session.destroyed) return undefined
  const { localAddress, localPort, remoteAddress, remotePort } = session.socket
  return { localAddress, localPort, remoteAddress, remotePort, destroy: () => session.destroy() }
}
