import { randomUUID } from 'node:crypto'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { MAX_BUFFERED_BYTES } from '../samples.ts'
import { createReaderConnections } from './connections.ts'
import { createLocalFaults } from './faults.ts'
import type { InspectReach } from './inspect/reach.ts'
import { createLocalLoadSupport } from './load/local-support.ts'
import { createNodeServer, DRAIN_MS, HEARTBEAT_INTERVAL_MS, RECONNECTION_TIME_MS } from './node-server.ts'
import type { NodeServer } from './node-server.ts'
import { createNodeFigures } from './nodes/node-figures.ts'
import { createAccessKey, createReaderAccess } from './reader-access.ts'
import { buildPageFiles } from './page-files.ts'
import { openLog } from './open-log.ts'
import type { LogPlace } from './open-log.ts'
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
 * Starts sampling, the hubs and the server, in one process:
 *
 *     publisher's hub -> log -> hub -> server <- pages
 *                               '-- created again at each restart, on the same port; the log outlives them
 *
 * @throws ListenError of http-core when the address cannot be listened on.
 */
export async function startDemo(options: {
  host: string
  port: number
  inspectReach: InspectReach
  token: string
  tls: TlsFiles | undefined
  log: LogPlace
}): Promise<Demo> {
  const failure = Promise.withResolvers<never>()
  const { log } = openLog(options.log)
  const publisher = createHub({ log })
  const pageFiles = buildPageFiles()
  pageFiles.catch(failure.reject)
  const connections = createReaderConnections()
  const access = createReaderAccess(createAccessKey(), systemRuntime)
  const loadSupport = createLocalLoadSupport()
  const figures = createNodeFigures()
  let serving = createServing(options.port, 1)
  let restarting: Promise<void> | undefined

  function createServing(port: number, start: number): { hub: Hub; server: NodeServer; start: number } {
    const hub = createHub({
      log,
      heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
      reconnectionTimeMs: RECONNECTION_TIME_MS,
      maxBufferedBytes: MAX_BUFFERED_BYTES,
    })
    const injectHere = createLocalFaults({ hub, connections, access })
    const server = createNodeServer({
      ...options,
      port,
      hub,
      pageFiles,
      connections,
      node: 1,
      nodes: 1,
      start,
      access,
      loadSupport,
      runtime: systemRuntime,
      async injectFault(fault, readerId) {
        // The only process there is stays: the log would be gone with it.
        if (fault === 'kill') return 0
        if (fault !== 'restart') return injectHere(fault, readerId)
        restarting ??= restart().catch(failure.reject)
        return 1
      },
    })
    return { hub, server, start }
  }

  async function restart(): Promise<void> {
    const { server, start } = serving
    const { port } = server
    await server.close(DRAIN_MS)
    figures.forget(1)
    serving = createServing(port ?? options.port, start + 1)
    await serving.server.listen()
    restarting = undefined
  }

  await serving.server.listen()
  const url = `${options.tls === undefined ? 'http' : 'https'}://${browsableHost(options.host)}:${serving.server.port}/`
  const stopPublishing = publishSamples({
    hub: publisher,
    hubFigures() {
      figures.take(1, serving.hub.stats())
      return figures.total(publisher.stats())
    },
    run: randomUUID().slice(0, 8),
    runtime: systemRuntime,
    onFailure: failure.reject,
  })

  return {
    url,
    failed: failure.promise,
    async close() {
      // Its timers keep the process alive: a hub's own do not, and a restart may be under way.
      await restarting
      stopPublishing()
      await serving.server.close()
      await publisher.close()
      await log.close()
    },
  }
}

/** A wildcard address is not an address that a browser can open. */
export function browsableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
