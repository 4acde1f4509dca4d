import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { once } from 'node:events'
import { OptionError } from '../../errors/option-error.ts'
import { systemRuntime } from '../../runtime.ts'
import type { Runtime } from '../../runtime.ts'
import { connectThrough } from './connection.ts'
import type { ProxiedConnection } from './connection.ts'
import { resolveFaults } from './faults.ts'
import type { Ending, Faults } from './faults.ts'

export interface FaultProxyOptions {
  /** Where the proxy connects to; `host` defaults to 127.0.0.1. If the target refuses, the client's connection is reset. */
  target: { host?: string; port: number }
  /** The faults to begin with. @defaultValue none */
  faults?: Faults
  /** The clock of latency and throttling. @defaultValue the real clock */
  runtime?: Runtime
}

export interface FaultProxy extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `http://host:port` */
  readonly url: string
  /** Connections that are open now: at least one of their two sockets is. */
  readonly connections: number
  /** Connections accepted since the start. */
  readonly accepted: number
  /** Bytes passed on to clients since the start, by all connections. */
  readonly bytesToClient: number
  /** Bytes passed on to the server since the start, by all connections. */
  readonly bytesToServer: number
  readonly faults: {
    /**
     * Replaces the faults. A fault that `faults` does not name is over.
     *
     * @param scope - `all` (default): the open connections and those to come. `open`: only those open now. `new`: only
     *   those to come.
     */
    set(faults: Faults, scope?: 'all' | 'open' | 'new'): void
    /** No faults, for the open connections and those to come. */
    clear(): void
  }
  /** The open connections, oldest first. */
  openConnections(): readonly ProxiedConnection[]
  /** Cuts every open connection. Default `fin`. */
  cutAll(ending?: Ending): void
  /**
   * Lets new connections fail from now on; open connections stay. `closed-port` (default): the port is closed, and clients
   * see ECONNREFUSED. `reset`: the proxy accepts connections and resets them at once.
   */
  refuse(how?: 'closed-port' | 'reset'): Promise<void>
  /** Accepts new connections again, on the same port. */
  accept(): Promise<void>
  /** Closes the port, every socket and every timer. */
  close(): Promise<void>
}

/**
 * Starts a TCP proxy on 127.0.0.1 whose faults can be changed while it runs.
 *
 *     client  <-- toClient --  proxy  <----------  target
 *             -- toServer -->         ---------->
 *
 * @throws {@link OptionError} `code: 'invalid-option'` for a target or a fault that cannot work.
 * @example
 * ```ts
 * import { startFaultProxy, startScriptedServer } from '@sse-toolkit/testing/node'
 *
 * await using server = await startScriptedServer((exchange) => void exchange.respond({ status: 200, body: 'hello' }))
 * await using proxy = await startFaultProxy({ target: { port: server.port } })
 * proxy.faults.set({ writes: 'single-bytes' })
 * const response = await fetch(proxy.url)
 * await response.text() // 'hello'
 * proxy.cutAll('rst')
 * ```
 */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target, runtime = systemRuntime } = options
  const { host: targetHost = '127.0.0.1', port: targetPort } = target
  if (!(Number.isInteger(targetPort) && targetPort > 0 && targetPort < 65_536))
    throw new OptionError('target.port', targetPort, 'a port from 1 to 65535')

  const host = '127.0.0.1'
  let faultsOfNew = options.faults ?? {}
  resolveFaults(faultsOfNew)
  const sockets = new Set<Socket>()
  const open = new Set<ProxiedConnection>()
  let accepted = 0
  let bytesToClient = 0
  let bytesToServer = 0
  let refusal: 'none' | 'reset' = 'none'

  const track = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('close', () => sockets.delete(socket))
  }

  const onConnection = (client: Socket): void => {
    if (refusal === 'reset') {
      client.resetAndDestroy()
      return
    }
    accepted += 1
    const connection = connectThrough({
      client: track(client),
      server: track(connect({ host: targetHost, port: targetPort, allowHalfOpen: true })),
      faults: resolveFaults(faultsOfNew),
      runtime,
      onForwarded(direction, byteCount) {
        if (direction === 'toClient') bytesToClient += byteCount
        else bytesToServer += byteCount
      },
      onClosed: () => open.delete(connection),
    })
    open.add(connection)
  }

  let listener: Server | undefined = await listen(0)
  const { port } = listener.address() as AddressInfo

  async function listen(onPort: number): Promise<Server> {
    // allowHalfOpen: whether a FIN reaches the other side is a fault's decision, not the socket's.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection)
    server.listen(onPort, host)
    await once(server, 'listening')
    return server
  }

  function stopListening(): void {
    // The port is free at once; the callback would wait for the open connections as well.
    listener?.close()
    listener = undefined
  }

  async function close(): Promise<void> {
    stopListening()
    for (const connection of open) connection.cut('destroy')
    await Promise.all([...sockets].filter((socket) => !socket.closed).map((socket) => once(socket, 'close')))
  }

  return {
    host,
    port,
    url: `http://${host}:${port}`,
    get connections() {
      return open.size
    },
    get accepted() {
      return accepted
    },
    get bytesToClient() {
      return bytesToClient
    },
    get bytesToServer() {
      return bytesToServer
    },
    faults: {
      set(faults, scope = 'all') {
        resolveFaults(faults)
        if (scope !== 'open') faultsOfNew = faults
        if (scope !== 'new') for (const connection of open) connection.setFaults(faults)
      },
      clear() {
        faultsOfNew = {}
        for (const connection of open) connection.setFaults({})
      },
    },
    openConnections: () => [...open],
    cutAll(ending = 'fin') {
      for (const connection of open) connection.cut(ending)
    },
    async refuse(how = 'closed-port') {
      if (how === 'reset') {
        listener ??= await listen(port)
        refusal = 'reset'
      } else stopListening()
    },
    async accept() {
      refusal = 'none'
      listener ??= await listen(port)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
