import { randomUUID } from 'node:crypto'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import { HISTORY_MS, MAX_BUFFERED_BYTES, MAX_LOGGED_EVENTS } from '../samples.ts'
import { createReaderConnections } from './connections.ts'
import { createLocalFaults } from './faults.ts'
import type { FaultReach } from './faults.ts'
import type { InspectReach } from './inspect/exchange.ts'
import { createNodeServer, HEARTBEAT_INTERVAL_MS } from './node-server.ts'
import { createAccessKey, createReaderAccess } from './reader-access.ts'
import { buildPageFiles } from './page-files.ts'
import { publishSamples } from './publish-samples.ts'
import { systemRuntime } from './runtime.ts'
import type { TlsFiles } from './tls.ts'

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
export async function startDemo(options: {
  host: string
  port: number
  faultReach: FaultReach
  inspectReach: InspectReach
  tls: TlsFiles | undefined
}): Promise<Demo> {
  const failure = Promise.withResolvers<never>()
  const log = memoryLog({ maxAgeMs: HISTORY_MS, maxEvents: MAX_LOGGED_EVENTS })
  const hub = createHub({
    log,
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    maxBufferedBytes: MAX_BUFFERED_BYTES,
  })
  const pageFiles = buildPageFiles()
  pageFiles.catch(failure.reject)
  const connections = createReaderConnections()
  const access = createReaderAccess(createAccessKey(), systemRuntime)
  const injectHere = createLocalFaults({ hub, connections, access })
  const server = createNodeServer({
    ...options,
    hub,
    pageFiles,
    connections,
    node: 1,
    nodes: 1,
    access,
    runtime: systemRuntime,
    // The only process there is stays.
    injectFault: async (fault, readerId) => (fault === 'kill' ? 0 : injectHere(fault, readerId)),
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
    url: `${options.tls === undefined ? 'http' : 'https'}://${browsableHost(options.host)}:${server.port}/`,
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
