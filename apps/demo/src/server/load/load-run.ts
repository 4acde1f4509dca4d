import { fork } from 'node:child_process'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
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
  /** What its clients subscribe to. */
  readonly hub: Hub
  /** Resolves when its process is gone and its hub closed. */
  readonly ended: Promise<LoadEnd>
  stop(reason: LoadEnd['reason']): void
}

export const LOAD_TOPIC = 'load'
/** More often than this, one publishes more than one event at once. */
const PUBLISH_INTERVAL_MS = 10
/** Of each of up to 5000 connections: what is behind by more is disconnected, and counted. */
const MAX_BUFFERED_BYTES = 65_536

/**
 * Starts the clients, publishes to them once all are there (or have failed), and ends after a minute.
 *
 *     this process: hub --/load/events--> clients: another process
 *           ^-------------figures--------------'
 *
 * It has a hub of its own: what is published for measuring evicts nothing that pages want to resume from.
 */
export function startLoadRun(options: {
  order: LoadOrder
  /** Where the clients get its events. */
  url: string
  runtime: Runtime
  onFigures: (figures: LoadFigures) => void
}): LoadRun {
  const { order, url, runtime, onFigures } = options
  const hub = createHub({
    log: memoryLog({ maxEvents: 1_000 }),
    maxBufferedBytes: MAX_BUFFERED_BYTES,
    heartbeatIntervalMs: 0,
  })
  const readServer = createProcessReader(() => runtime.now())
  const startedAt = runtime.now()
  const ended = Promise.withResolvers<LoadEnd>()
  let endReason: LoadEnd['reason'] | undefined
  let publishingSince: number | undefined
  let published = 0
  let last = { at: startedAt, deliveries: 0 }

  // The program is the one that runs: from source, or built into one file.
  const worker = fork(process.argv[1] ?? '', [LOAD_CLIENTS_ARGUMENT], {
    execArgv: process.execArgv.filter((arg) => arg.startsWith('--conditions=')),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  worker.on('message', (figures: WorkerFigures) => take(figures))
  worker.on('error', () => {
    stop('failed')
    // What never began does not exit.
    if (worker.pid === undefined) void end()
  })
  worker.on('exit', () => {
    stop('failed')
    void end()
  })
  worker.send({ url, clients: order.clients } satisfies LoadClientsOrder)

  const timer = runtime.setTimeout(() => stop('time'), RUN_MS)
  const stopPublishing = every(PUBLISH_INTERVAL_MS, publishDue, runtime)

  function publishDue(): void {
    if (publishingSince === undefined) return
    const due = ((runtime.now() - publishingSince) / 1_000) * order.rate
    for (; published < due; published += 1)
      hub.publish(LOAD_TOPIC, { data: { at: preciseNow() } }).catch(() => stop('failed'))
  }

  function take({ process: workerFigures, ...counts }: WorkerFigures): void {
    const at = runtime.now()
    if (counts.connected + counts.failed >= order.clients) publishingSince ??= at
    const deliveriesPerSecond = ((counts.deliveries - last.deliveries) * 1_000) / Math.max(1, at - last.at)
    last = { at, deliveries: counts.deliveries }
    onFigures({
      ...counts,
      atMs: at - startedAt,
      published,
      deliveriesPerSecond,
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

  async function end(): Promise<void> {
    await hub.close({ timeoutMs: 0 })
    ended.resolve({ reason: endReason ?? 'failed' })
  }

  return { hub, ended: ended.promise, stop }
}
