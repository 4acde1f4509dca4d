import { randomUUID } from 'node:crypto'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import { HISTORY_MS } from '../samples.ts'
import { createPageConnections } from './connections.ts'
import { createNodeServer, HEARTBEAT_INTERVAL_MS } from './node-server.ts'
import { buildPageFiles } from './page-files.ts'
import { publishSamples } from './publish-samples.ts'
import { systemRuntime } from './runtime.ts'

export interface Demo {
  /** Where a browser finds it. */
  readonly url: string
  /** Rejects when the demo cannot go on: the page does not compile, or the hub fails. */
  readonly failed: Promise<never>
  /** Ends every stream and the server. */
  close(): Promise<void>
}

/**
 * Starts sampling, the hub and the server, in one process, with a log in memory.
 *
 * @throws ListenError of http-core when the address cannot be listened on.
 */
export async function startDemo(options: { host: string; port: number }): Promise<Demo> {
  const failure = Promise.withResolvers<never>()
  const log = memoryLog({ maxAgeMs: HISTORY_MS, maxEvents: 20_000 })
  const hub = createHub({ log, heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS })
  const pageFiles = buildPageFiles()
  pageFiles.catch(failure.reject)
  const connections = createPageConnections()
  const server = createNodeServer({
    ...options,
    hub,
    pageFiles,
    connections,
    node: 1,
    nodes: 1,
    // The only process there is stays.
    faults: { cut: async (pageId) => connections.cut(pageId), kill: async () => 0 },
  })
  await server.listen()
  const stopPublishing = publishSamples({
    hub,
    hubFigures: () => hub.stats(),
    run: randomUUID().slice(0, 8),
    runtime: systemRuntime,
    onFailure: failure.reject,
  })

  return {
    url: `http://${browsableHost(options.host)}:${server.port}/`,
    failed: failure.promise,
    async close() {
      stopPublishing()
      await server.close()
      await log.close()
    },
  }
}

/** An address that listens everywhere is none that a browser can go to. */
export function browsableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
