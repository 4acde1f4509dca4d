import { fork } from 'node:child_process'
import type { Hub } from '@sse-toolkit/sse-server'
import { RUN_MS } from '../../load/load-figures.ts'
import type { LoadEnd, LoadFigures, LoadOrder, WorkerFigures } from '../../load/load-figures.ts'
import { every } from '../every.ts'
import type { Runtime } from '../runtime.ts'
import { LOAD_CLIENTS_ARGUMENT } from './load-clients.ts'
import type { LoadClientsOrder } from './load-clients.ts'
import { createProcessReader } from './process-reader.ts'
import { preciseNow } from './runtime.ts'

/** A load on this server, made by a process of its own. */
export interface LoadRun {
  /** Resolves when its process is gone. */
  readonly ended: Promise<LoadEnd>
  stop(reason: LoadEnd['reason']): void
}

/** More often than this, one publishes more than one event at once. */
const PUBLISH_INTERVAL_MS = 10

/**
 * Starts the clients, publishes to them once all are there (or have failed), and ends after a minute.
 *
 *     this process: hub --its log--> hubs of all nodes --/load/events--> clients: another process
 *           ^--------------------------figures---------------------------'
 */
export function startLoadRun(options: {
  order: LoadOrder
  hub: Pick<Hub, 'publish'>
  topic: string
  /** Where the clients get its events. */
  url: string
  /** How many processes serve it. */
  nodes: number
  runtime: Runtime
  onFigures: (figures: LoadFigures) => void
}): LoadRun {
  const { order, hub, topic, url, nodes, runtime, onFigures } = options
  const readServer = createProcessReader(() => runtime.now())
  const startedAt = runtime.now()
  const ended = Promise.withResolvers<LoadEnd>()
  let endReason: LoadEnd['reason'] | undefined
  let publishingSince: number | undefined
  let published = 0
  let lastAt = startedAt
  let lastDeliveries: readonly number[] = []

  // The program is the one that runs: from source, or built into one file.
  const worker = fork(process.argv[1] ?? '', [LOAD_CLIENTS_ARGUMENT], {
    execArgv: process.execArgv.filter((arg) => arg.startsWith('--conditions=')),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  worker.on('message', (figures: WorkerFigures) => take(figures))
  worker.on('error', () => {
    stop('failed')
    // What never began does not exit.
    if (worker.pid === undefined) end()
  })
  worker.on('exit', () => {
    stop('failed')
    end()
  })
  worker.send({ url, clients: order.clients } satisfies LoadClientsOrder)

  const timer = runtime.setTimeout(() => stop('time'), RUN_MS)
  const stopPublishing = every(PUBLISH_INTERVAL_MS, publishDue, runtime)

  function publishDue(): void {
    if (publishingSince === undefined) return
    const due = ((runtime.now() - publishingSince) / 1_000) * order.rate
    for (; published < due; published += 1)
      hub.publish(topic, { data: { at: preciseNow() } }).catch(() => stop('failed'))
  }

  function take({ process: workerFigures, nodes: served, ...counts }: WorkerFigures): void {
    const at = runtime.now()
    const elapsedMs = Math.max(1, at - lastAt)
    const byNode = Array.from({ length: nodes }, (_, index) => {
      const { connected = 0, deliveries = 0 } = served.find(({ node }) => node === index + 1) ?? {}
      const perSecond = ((deliveries - (lastDeliveries[index] ?? 0)) * 1_000) / elapsedMs
      return { node: index + 1, connected, deliveries, deliveriesPerSecond: perSecond }
    })
    lastAt = at
    lastDeliveries = byNode.map(({ deliveries }) => deliveries)
    const sumOf = (name: 'connected' | 'deliveries' | 'deliveriesPerSecond'): number =>
      byNode.reduce((sum, each) => sum + each[name], 0)
    const connected = sumOf('connected')
    if (connected + counts.failed >= order.clients) publishingSince ??= at
    onFigures({
      ...counts,
      atMs: at - startedAt,
      published,
      connected,
      deliveries: sumOf('deliveries'),
      deliveriesPerSecond: sumOf('deliveriesPerSecond'),
      nodes: byNode,
      server: readServer(),
      worker: workerFigures,
    })
  }

  function stop(reason: LoadEnd['reason']): void {
    if (endReason !== undefined) return
    endReason = reason
    runtime.clearTimeout(timer)
    stopPublishing()
    // It has nothing to lose.
    worker.kill('SIGKILL')
  }

  function end(): void {
    ended.resolve({ reason: endReason ?? 'failed' })
  }

  return { ended: ended.promise, stop }
}
