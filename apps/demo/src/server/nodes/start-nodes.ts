import cluster from 'node:cluster'
import type { Worker } from 'node:cluster'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createHub } from '@sse-toolkit/sse-server'
import { browsableHost } from '../demo.ts'
import type { Demo } from '../demo.ts'
import type { InspectReach } from '../inspect/reach.ts'
import { createAccessKey } from '../reader-access.ts'
import { buildPageFiles } from '../page-files.ts'
import { publishSamples } from '../publish-samples.ts'
import { systemRuntime } from '../runtime.ts'
import type { TlsFiles } from '../tls.ts'
import { openLog } from '../open-log.ts'
import type { SharedLogPlace } from '../open-log.ts'
import { createFaultRelay } from './fault-relay.ts'
import { createLoadArbiter } from './load-arbiter.ts'
import type { FromNode, NodeOrder, ToNode } from './messages.ts'
import { createNodeFigures } from './node-figures.ts'

/** Redis is away. The log says so itself, once; the figures of that time are missing, and those after it come. */
const OUTAGES = new Set(['log-unavailable', 'outcome-unknown', 'too-many-pending', 'log-full'])
/** A node that was killed or restarted comes back after this: long enough to see that the others do its work. */
const RESTART_DELAY_MS = 1_000

/**
 * Starts the page's processes, behind one port and on one log, and publishes the figures from this one:
 *
 *     this process --publishes--> log --tells--> node 1, 2, 3 <--one port-- pages
 *           '--- forks, restarts, passes faults on ---'
 *
 * A node that dies takes its connections along and nothing else: its pages come to another node, and resume.
 */
export async function startNodes(options: {
  host: string
  port: number
  nodes: number
  log: SharedLogPlace
  inspectReach: InspectReach
  token: string
  tls: TlsFiles | undefined
}): Promise<Demo> {
  const { host, nodes, tls } = options
  const failure = Promise.withResolvers<never>()
  const pageFiles = [...(await buildPageFiles())]
  const accessKey = createAccessKey()
  const running = new Map<number, Worker>()
  const figures = createNodeFigures()
  const relay = createFaultRelay(running, systemRuntime)
  const loads = createLoadArbiter((node, message) => {
    const worker = running.get(node)
    if (worker?.isConnected() === true) worker.send(message)
  })
  let port = options.port
  // What the running nodes have asked for. If it is 0, they share the port that they got. Once the last of them is gone, so
  // is the port, and those started later ask for it by its number.
  let askedPort = port
  let isClosing = false
  const restarts = new Map<number, unknown>()

  async function startNode(node: number, start = 1): Promise<void> {
    if (running.size === 0) askedPort = port
    const worker = cluster.fork()
    running.set(node, worker)
    const listening = Promise.withResolvers<void>()
    worker.on('message', (message: FromNode) => {
      if (message.kind === 'listening') {
        port = message.port
        listening.resolve()
      } else if (message.kind === 'failed') {
        listening.reject(
          Object.assign(new Error(message.message), { name: 'ListenError', code: message.code }),
        )
      } else if (message.kind === 'figures') figures.take(node, message.figures)
      else if (message.kind === 'fault-wanted' || message.kind === 'fault-answer') relay.take(node, message)
      else loads.take(node, message)
    })
    worker.on('exit', () => {
      running.delete(node)
      figures.forget(node)
      relay.forget(node)
      loads.forget(node)
      listening.reject(new Error(`Node ${node} ended before it listened`))
      if (isClosing) return
      restarts.set(
        node,
        systemRuntime.setTimeout(
          () => void startNode(node, start + 1).catch(failure.reject),
          RESTART_DELAY_MS,
        ),
      )
    })
    const order: NodeOrder = {
      ...options,
      port: askedPort,
      node,
      start,
      accessKey,
      pageFiles,
      ended: relay.ended,
    }
    worker.send({ kind: 'serve', order } satisfies ToNode)
    await listening.promise
  }

  // Not a debugger's port, nor what else is meant for this process alone.
  cluster.setupPrimary({ execArgv: process.execArgv.filter((arg) => arg.startsWith('--conditions=')) })
  await Promise.all(Array.from({ length: nodes }, (_, index) => startNode(index + 1)))
  const { log, ready } = openLog(options.log)
  const hub = createHub({ log })
  await ready()
  const stopPublishing = publishSamples({
    hub,
    hubFigures: () => figures.total(hub.stats()),
    run: randomUUID().slice(0, 8),
    runtime: systemRuntime,
    onFailure: (error) => {
      if (!OUTAGES.has(String((error as { code?: unknown }).code))) failure.reject(error)
    },
  })

  return {
    url: `${tls === undefined ? 'http' : 'https'}://${browsableHost(host)}:${port}/`,
    failed: failure.promise,
    async close() {
      isClosing = true
      for (const timer of restarts.values()) systemRuntime.clearTimeout(timer)
      stopPublishing()
      await Promise.all([...running.values()].map((worker) => closeNode(worker)))
      await hub.close()
      await log.close()
    },
  }
}

async function closeNode(worker: Worker): Promise<void> {
  const exited = once(worker, 'exit')
  // A dying node can no longer answer.
  if (worker.isConnected()) worker.send({ kind: 'close', drainMs: 0 } satisfies ToNode)
  await exited
}
