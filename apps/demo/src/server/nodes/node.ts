import { createHub } from '@sse-toolkit/sse-server'
import { MAX_BUFFERED_BYTES } from '../../samples.ts'
import { createReaderConnections } from '../connections.ts'
import { every } from '../every.ts'
import { createLocalFaults } from '../faults.ts'
import type { LoadClaims } from '../load/load-claims.ts'
import { createReaderAccess } from '../reader-access.ts'
import { createNodeServer, HEARTBEAT_INTERVAL_MS, RECONNECTION_TIME_MS } from '../node-server.ts'
import { loadEvents, openLog } from '../open-log.ts'
import { systemRuntime } from '../runtime.ts'
import type { FromNode, NodeOrder, ToNode } from './messages.ts'

const FIGURES_INTERVAL_MS = 500

/** One of several processes that serve the page. It does what the first process says, and ends with it. */
export function serveAsNode(): void {
  // Ctrl-C reaches all processes of a terminal: the first one says when to stop.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  process.on('disconnect', () => process.exit())
  process.on('message', (message: ToNode) => {
    if (message.kind === 'serve') void serve(message.order)
  })
}

async function serve(order: NodeOrder): Promise<void> {
  const { pageFiles } = order
  const { log, ready } = openLog(order.log)
  const hub = createHub({
    log,
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    reconnectionTimeMs: RECONNECTION_TIME_MS,
    maxBufferedBytes: MAX_BUFFERED_BYTES,
  })
  const connections = createReaderConnections()
  const access = createReaderAccess(order.accessKey, systemRuntime)
  for (const readerId of order.ended.revoked) access.revoke(readerId)
  for (const [readerId, atMs] of order.ended.expired) access.expire(readerId, atMs)
  const injectHere = createLocalFaults({ hub, connections, access })
  const answers = new Map<number, (count: number) => void>()
  let lastId = 0
  let closing: Promise<void> | undefined
  const ask = (questionOf: (id: number) => FromNode): Promise<number> =>
    new Promise((resolve) => {
      lastId += 1
      answers.set(lastId, resolve)
      send(questionOf(lastId))
    })
  let stopLoad = (): void => {}
  const claims: LoadClaims = {
    claim: async () => (await ask((id) => ({ kind: 'load-claim', id }))) > 0,
    release: () => send({ kind: 'load-release' }),
    stop: async () => (await ask((id) => ({ kind: 'load-stop-wanted', id }))) > 0,
    onStop(listener) {
      stopLoad = listener
    },
  }
  const server = createNodeServer({
    ...order,
    hub,
    pageFiles: Promise.resolve(new Map(pageFiles)),
    connections,
    access,
    runtime: systemRuntime,
    injectFault: (fault, readerId) => ask((id) => ({ kind: 'fault-wanted', fault, readerId, id })),
    loadSupport: {
      key: order.accessKey,
      openLog: () => openLog(order.log, loadEvents).log,
      claims,
    },
  })
  const stopFigures = every(
    FIGURES_INTERVAL_MS,
    () => send({ kind: 'figures', figures: hub.stats() }),
    systemRuntime,
  )
  process.on('message', (message: ToNode) => {
    if (message.kind === 'fault') {
      const { fault, readerId, id } = message
      send({ kind: 'fault-answer', count: injectHere(fault, readerId), id })
    } else if (message.kind === 'fault-done' || message.kind === 'load-answer') {
      answers.get(message.id)?.(message.count)
      answers.delete(message.id)
    } else if (message.kind === 'load-stop') stopLoad()
    else if (message.kind === 'close') closing ??= close(message.drainMs)
  })

  async function close(drainMs: number): Promise<void> {
    await server.close(drainMs)
    stopFigures()
    await log.close()
    process.disconnect()
  }

  try {
    await ready()
    await server.listen()
    send({ kind: 'listening', port: server.port ?? 0 })
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    send({ kind: 'failed', message, code })
  }
}

function send(message: FromNode): void {
  // The first process may be gone: 'disconnect' follows.
  if (process.connected) process.send?.(message)
}
