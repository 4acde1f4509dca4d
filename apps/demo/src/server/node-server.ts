import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Hub } from '@sse-toolkit/sse-server'
import type { InspectReach } from './inspect/exchange.ts'
import { addInspectRoutes } from './inspect/routes.ts'
import { addLoadRoutes } from './load/routes.ts'
import { addPresenceRoutes } from './presence/routes.ts'
import { createRoutes } from './routes.ts'
import type { RoutesOptions } from './routes.ts'
import type { TlsFiles } from './tls.ts'

/** Short, so that the idle timeout that is three of them shows a dead server soon. */
export const HEARTBEAT_INTERVAL_MS = 5_000
/** Longer than this, no open stream holds a stopping process up. */
const CLOSE_TIMEOUT_MS = 1_000
/** How long the streams of a server that is restarted take to end. */
export const DRAIN_MS = 1_000
/** The longest body that is ever right is that of an inspection with a token or two in its fields. */
const MAX_BODY_BYTES = 16_384

/** The server of one process. */
export interface NodeServer {
  /** @throws ListenError of http-core when the address cannot be listened on. */
  listen(): Promise<void>
  readonly port: number | undefined
  /**
   * Ends its streams, its hub and itself. No other connection is accepted from the start.
   *
   * @param drainMs - The streams end over this time, each told when to come back. Default 0: at once.
   */
  close(drainMs?: number): Promise<void>
}

export interface NodeServerOptions extends Omit<RoutesOptions, 'about'> {
  readonly host: string
  readonly port: number
  readonly hub: Hub
  readonly nodes: number
  /** Which server in this place it is, from 1. */
  readonly start: number
  readonly inspectReach: InspectReach
  /** Undefined serves plain HTTP/1.1. */
  readonly tls: TlsFiles | undefined
}

export function createNodeServer(options: NodeServerOptions): NodeServer {
  const { host, port, hub, nodes, start, inspectReach, tls, ...routes } = options
  const router = createRoutes({
    ...routes,
    hub,
    about: {
      platform: `${type()} ${release()}`,
      cpuModel: cpus()[0]?.model.trim() ?? 'unknown processor',
      cores: availableParallelism(),
      totalBytes: totalmem(),
      node: process.version,
      pid: process.pid,
      start,
      nodes,
    },
  })
  const { node, runtime, faultReach } = routes
  addPresenceRoutes(router, { hub, node, nodes, runtime })
  addInspectRoutes(router, { reach: inspectReach, runtime })
  const load = addLoadRoutes(router, {
    nodes,
    runtime,
    faultReach,
    ownUrl: () => `${tls === undefined ? 'http' : 'https'}://${ownHost(host)}:${server.port}/`,
  })
  const server = createServer({
    fetch: router.fetch,
    hostname: host,
    port,
    maxBodyBytes: MAX_BODY_BYTES,
    ...(tls !== undefined && { tls }),
  })
  return {
    async listen() {
      await server.listen()
    },
    get port() {
      return server.port
    },
    async close(drainMs = 0) {
      await load.close()
      await Promise.all([
        hub.close({ drainMs }),
        server.close({
          timeoutMs: drainMs + CLOSE_TIMEOUT_MS,
          eventStreams: drainMs > 0 ? 'wait' : 'end',
        }),
      ])
    },
  }
}

/** Where the server is found from its own machine. */
function ownHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
