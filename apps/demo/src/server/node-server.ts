import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Hub } from '@sse-toolkit/sse-server'
import { createRoutes } from './routes.ts'
import type { RoutesOptions } from './routes.ts'

/** Short, so that the idle timeout that is three of them shows a dead server soon. */
export const HEARTBEAT_INTERVAL_MS = 5_000
/** Longer than this, no open stream holds a stopping process up. */
const CLOSE_TIMEOUT_MS = 1_000
/** The only body that is ever right is the id of a page. */
const MAX_BODY_BYTES = 1_000

/** The server of one process. */
export interface NodeServer {
  /** @throws ListenError of http-core when the address cannot be listened on. */
  listen(): Promise<void>
  readonly port: number | undefined
  /** Ends its streams, its hub and itself. */
  close(): Promise<void>
}

export interface NodeServerOptions extends Omit<RoutesOptions, 'about'> {
  readonly host: string
  readonly port: number
  readonly hub: Hub
  readonly nodes: number
}

export function createNodeServer({ host, port, hub, nodes, ...routes }: NodeServerOptions): NodeServer {
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
      nodes,
    },
  })
  const server = createServer({ fetch: router.fetch, hostname: host, port, maxBodyBytes: MAX_BODY_BYTES })
  return {
    async listen() {
      await server.listen()
    },
    get port() {
      return server.port
    },
    async close() {
      await Promise.all([hub.close(), server.close({ timeoutMs: CLOSE_TIMEOUT_MS })])
    },
  }
}
