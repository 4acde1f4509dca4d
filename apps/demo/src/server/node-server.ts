import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Hub } from '@sse-toolkit/sse-server'
import { createControlAccess } from './control-access.ts'
import { createRoutes } from './routes.ts'
import type { RoutesOptions } from './routes.ts'
import type { TlsFiles } from './tls.ts'

/** Short, so that the idle timeout that is three of them shows a dead server soon. */
export const HEARTBEAT_INTERVAL_MS = 5_000
/** For a browser's own EventSource, which otherwise waits for as long as the browser likes: 3 to 5 s. */
export const RECONNECTION_TIME_MS = 1_000
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
   * @param drainMs - The streams end over this time, each with a reconnection time. Default 0: at once.
   */
  close(drainMs?: number): Promise<void>
}

export interface NodeServerOptions extends Omit<RoutesOptions, 'about' | 'controls' | 'ownUrl'> {
  readonly host: string
  readonly port: number
  readonly hub: Hub
  readonly nodes: number
  /** Which server in this place it is, from 1. */
  readonly start: number
  /** What the controls ask for. */
  readonly token: string
  /** Undefined serves plain HTTP/1.1. */
  readonly tls: TlsFiles | undefined
}

export function createNodeServer(options: NodeServerOptions): NodeServer {
  const { host, hub, nodes, start, token, tls, ...routes } = options
  // The one that it listens on, once it does; a server that is closing has none, and still answers.
  let { port } = options
  const { router, load } = createRoutes({
    ...routes,
    hub,
    controls: createControlAccess(token, () => port),
    ownUrl: () => `${tls === undefined ? 'http' : 'https'}://${ownHost(host)}:${port}/`,
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
      port = server.port ?? port
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
