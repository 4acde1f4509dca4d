import { randomUUID } from 'node:crypto'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import { HISTORY_MS } from '../samples.ts'
import { createPageConnections } from './connections.ts'
import { buildPageFiles } from './page-files.ts'
import { publishSamples } from './publish-samples.ts'
import { createRoutes } from './routes.ts'
import { systemRuntime } from './runtime.ts'

/** Longer than this, no open stream holds a stopping process up. */
const CLOSE_TIMEOUT_MS = 1_000
/** Short, so that the idle timeout that is three of them shows a dead server soon. */
const HEARTBEAT_INTERVAL_MS = 5_000

/** The only body that is ever right is the id of a page. */
const MAX_BODY_BYTES = 1_000

export interface Demo {
  /** Where a browser finds it. */
  readonly url: string
  /** Rejects when the demo cannot go on: the page does not compile, or the hub fails. */
  readonly failed: Promise<never>
  /** Ends every stream and the server. */
  close(): Promise<void>
}

/**
 * Starts sampling, the hub and the server.
 *
 * @throws ListenError of http-core when the address cannot be listened on.
 */
export async function startDemo(options: { host: string; port: number }): Promise<Demo> {
  const run = randomUUID().slice(0, 8)
  const failure = Promise.withResolvers<never>()
  const log = memoryLog({ maxAgeMs: HISTORY_MS, maxEvents: 20_000 })
  const hub = createHub({ log, heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS })
  const pageFiles = buildPageFiles()
  pageFiles.catch(failure.reject)

  const router = createRoutes({
    hub,
    pageFiles,
    connections: createPageConnections(),
    about: {
      platform: `${type()} ${release()}`,
      cpuModel: cpus()[0]?.model.trim() ?? 'unknown processor',
      cores: availableParallelism(),
      totalBytes: totalmem(),
      node: process.version,
      pid: process.pid,
      run,
    },
  })
  const server = createServer({
    fetch: router.fetch,
    hostname: options.host,
    port: options.port,
    maxBodyBytes: MAX_BODY_BYTES,
  })
  await server.listen()
  const stopPublishing = publishSamples({ hub, run, runtime: systemRuntime, onFailure: failure.reject })

  return {
    url: `http://${browsableHost(options.host)}:${server.port}/`,
    failed: failure.promise,
    async close() {
      stopPublishing()
      await Promise.all([hub.close(), server.close({ timeoutMs: CLOSE_TIMEOUT_MS })])
      await log.close()
    },
  }
}

/** An address that listens everywhere is none that a browser can go to. */
function browsableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
