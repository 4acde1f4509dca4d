import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventSourceClient } from '@sse-toolkit/event-source-client'
import { Agent } from 'undici'
import { createIdLedger } from '../../load/id-ledger.ts'
import { createLatencyHistogram } from '../../load/latency-histogram.ts'
import { exitCodes } from '../command-line/exit-codes.ts'
import type { ExitCode } from '../command-line/exit-codes.ts'
import type { Shell } from '../command-line/shell.ts'
import { valueAt } from '../output/data-path.ts'
import { runtime } from '../runtime.ts'
import { progressLine, report } from './report.ts'
import type { LoadFigures } from './report.ts'

export interface LoadOrder {
  readonly url: URL
  readonly connections: number
  readonly durationMs: number
  /** Connections that are opened in a second. */
  readonly rate: number
  /** Where the data has the time of sending. */
  readonly timePath: string
  readonly json: boolean
  readonly headers: readonly (readonly [string, string])[]
  readonly insecure: boolean
  readonly quiet: boolean
  readonly shell: Shell
}

const openingIntervalMs = 20
const progressIntervalMs = 500

/** Opens the connections, reads them for as long as is asked, and says what came. */
export async function runLoad(order: LoadOrder): Promise<ExitCode> {
  const { shell, quiet, json, durationMs } = order
  const run = new LoadRun(order)
  const stopProgress = quiet || shell.terminal === undefined ? () => {} : showProgress(run, order)
  try {
    await run.openAll(shell.signal)
    run.beginMeasuring()
    await wait(durationMs, shell.signal)
  } finally {
    stopProgress()
  }
  const figures = run.figures()
  await run.close()
  await shell.write(json ? `${JSON.stringify(figures, null, 2)}\n` : report(figures))
  const isWhole = figures.failed + figures.ended + figures.lost + figures.repeated === 0
  return isWhole ? exitCodes.done : exitCodes.found
}

class LoadRun {
  readonly #order: LoadOrder
  readonly #sources: EventSourceClient[] = []
  readonly #ledger = createIdLedger()
  readonly #latencies = createLatencyHistogram()
  // Each stream takes a connection for itself.
  readonly #agent: Agent
  readonly #failures = new Map<string, number>()
  readonly #startedAt = runtime.now()
  #measuredFrom: { readonly at: number; readonly events: number } | undefined
  #open = 0
  #failed = 0
  #ended = 0
  #completed = 0
  #events = 0
  #timed = 0

  constructor(order: LoadOrder) {
    this.#order = order
    this.#agent = new Agent({
      allowH2: false,
      connections: null,
      pipelining: 1,
      connect: { rejectUnauthorized: !order.insecure },
    })
  }

  /** Resolves when each connection is open, or has failed. */
  async openAll(signal: AbortSignal): Promise<void> {
    const { connections, rate } = this.#order
    const beganAt = runtime.now()
    while (this.#settled < connections && !signal.aborted) {
      const due = Math.min(
        connections,
        Math.ceil(((runtime.now() - beganAt + openingIntervalMs) * rate) / 1000),
      )
      while (this.#sources.length < due) this.#openOne()
      await wait(openingIntervalMs, signal)
    }
  }

  get #settled(): number {
    return this.#open + this.#failed + this.#ended + this.#completed
  }

  /** What came while connections were still being opened was late for that. */
  beginMeasuring(): void {
    this.#latencies.clear()
    this.#timed = 0
    this.#measuredFrom = { at: runtime.now(), events: this.#events }
  }

  #openOne(): void {
    const { url, headers, timePath } = this.#order
    const source = createEventSource(url, {
      headers: Object.fromEntries(headers),
      dispatcher: this.#agent,
      reconnect: 'never',
    })
    this.#sources.push(source)
    const reader = this.#ledger.open()
    let isOpen = false
    let lastId = ''
    source.onStatus((status) => {
      if (status.state === 'open') {
        isOpen = true
        this.#open += 1
      } else if (status.state === 'closed' && status.reason !== 'client') {
        if (isOpen) this.#open -= 1
        if (status.reason === 'completed') {
          this.#completed += 1
          return
        }
        if (isOpen) this.#ended += 1
        else this.#failed += 1
        const why = status.cause?.message ?? status.reason
        this.#failures.set(why, (this.#failures.get(why) ?? 0) + 1)
      }
    })
    source.onAny(({ data, lastEventId }) => {
      this.#events += 1
      // An event without an id has the one before it.
      if (lastEventId !== '' && lastEventId !== lastId) reader.read(lastEventId)
      lastId = lastEventId
      const sentAt = valueAt(data, timePath)
      if (typeof sentAt !== 'number') return
      this.#timed += 1
      this.#latencies.add(runtime.wallClock() - sentAt)
    })
  }

  figures(): LoadFigures {
    const since = this.#measuredFrom ?? { at: this.#startedAt, events: 0 }
    const measuredMs = runtime.now() - since.at
    const percentile = (share: number): number => Number(this.#latencies.percentile(share).toPrecision(3))
    return {
      url: this.#order.url.href,
      connections: this.#order.connections,
      open: this.#open,
      failed: this.#failed,
      ended: this.#ended,
      completed: this.#completed,
      failures: Object.fromEntries(this.#failures),
      durationMs: Math.round(measuredMs),
      events: this.#events - since.events,
      eventsPerSecond: Math.round(((this.#events - since.events) * 1000) / Math.max(1, measuredMs)),
      lost: this.#ledger.lost,
      repeated: this.#ledger.repeated,
      latencyMs:
        this.#timed === 0
          ? null
          : { p50: percentile(0.5), p90: percentile(0.9), p99: percentile(0.99), max: percentile(1) },
    }
  }

  async close(): Promise<void> {
    for (const source of this.#sources) source.close()
    await this.#agent.destroy()
  }
}

function showProgress(run: LoadRun, { shell, durationMs }: LoadOrder): () => void {
  const startedAt = runtime.now()
  let timer: unknown
  const show = (): void => {
    const done = Math.min(1, (runtime.now() - startedAt) / durationMs)
    shell.terminal?.write(`\r\u001B[K${progressLine(run.figures(), done, shell.terminal.columns)}`)
    timer = runtime.setTimeout(show, progressIntervalMs)
  }
  show()
  return () => {
    runtime.clearTimeout(timer)
    shell.terminal?.write('\r\u001B[K')
  }
}

/** Resolves after this time, or when interrupted. */
function wait(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      runtime.clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = runtime.setTimeout(done, signal.aborted ? 0 : durationMs)
    signal.addEventListener('abort', done)
  })
}
