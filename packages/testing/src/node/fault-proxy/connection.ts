import type { Socket } from 'node:net'
import type { Runtime } from '../../runtime.ts'
import { openDirection } from './direction.ts'
import { resolveFaults } from './faults.ts'
import type { Ending, Faults, ResolvedFaultPair } from './faults.ts'

/** One client's connection through the proxy. */
export interface ProxiedConnection {
  /** Bytes that were passed on to the client. */
  readonly bytesToClient: number
  /** Bytes that were passed on to the server. */
  readonly bytesToServer: number
  /** `closed` once both of its sockets are. */
  readonly state: 'open' | 'closed'
  /** Replaces the faults of this connection alone. */
  setFaults(faults: Faults): void
  /** Cuts both sides. */
  cut(ending?: Ending): void
}

export function connectThrough(options: {
  client: Socket
  server: Socket
  faults: ResolvedFaultPair
  runtime: Runtime
  onForwarded: (direction: 'toClient' | 'toServer', byteCount: number) => void
  onClosed: () => void
}): ProxiedConnection {
  const { client, server, faults, runtime, onForwarded, onClosed } = options
  let bytesToClient = 0
  let bytesToServer = 0
  let state: 'open' | 'closed' = 'open'

  const toServer = openDirection({
    source: client,
    destination: server,
    faults: faults.toServer,
    runtime,
    onForwarded(byteCount) {
      bytesToServer += byteCount
      onForwarded('toServer', byteCount)
    },
    onCut: cut,
  })
  const toClient = openDirection({
    source: server,
    destination: client,
    faults: faults.toClient,
    runtime,
    onForwarded(byteCount) {
      bytesToClient += byteCount
      onForwarded('toClient', byteCount)
    },
    onCut: cut,
  })

  for (const socket of [client, server]) {
    socket.setNoDelay(true)
    socket.on('close', () => {
      if (state === 'closed' || !client.closed || !server.closed) return
      state = 'closed'
      toServer.stop()
      toClient.stop()
      onClosed()
    })
  }

  function cut(ending: Ending = 'fin'): void {
    toServer.stop()
    toClient.stop()
    for (const socket of [client, server]) {
      if (ending === 'fin') socket.end()
      else if (ending === 'destroy') socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  return {
    get bytesToClient() {
      return bytesToClient
    },
    get bytesToServer() {
      return bytesToServer
    },
    get state() {
      return state
    },
    setFaults(next) {
      const resolved = resolveFaults(next)
      toClient.setFaults(resolved.toClient)
      toServer.setFaults(resolved.toServer)
    },
    cut,
  }
}
