import { Agent as HttpAgent, get as getHttp } from 'node:http'
import { Agent as HttpsAgent, get as getHttps } from 'node:https'
import { LOAD_LATENCY_LIMITS_MS, NODE_FIELD } from '../../load/load-figures.ts'
import type { NodeLoad, WorkerFigures } from '../../load/load-figures.ts'
import { every } from '../every.ts'
import { systemRuntime } from '../runtime.ts'
import { createEventScanner } from './event-scanner.ts'
import { createLatencyHistogram } from '@sse-toolkit/cli/load'
import { createProcessReader } from './process-reader.ts'
import { preciseNow } from './runtime.ts'

/** The only argument of a process that is nothing but the clients of a load. */
export const LOAD_CLIENTS_ARGUMENT = '--as-load-clients'

/** The parameters that the worker receives once. */
export interface LoadClientsOrder {
  readonly url: string
  readonly clients: number
}

const FIGURES_INTERVAL_MS = 500
/** So many at a time: the listen queue of a system holds no more than a few hundred. */
const OPENING_AT_ONCE = 100

/** Opens the requested connections, counts their events, and ends with the process that started it. */
export function runLoadClients(): void {
  // Ctrl-C reaches all processes of a terminal: the server says when to stop, by letting go.
  process.on('SIGINT', () => {})
  process.on('disconnect', () => process.exit())
  process.once('message', (order: LoadClientsOrder) => open(order))
}

function open({ url, clients }: LoadClientsOrder): void {
  const isTls = url.startsWith('https:')
  const get = isTls ? getHttps : getHttp
  // The certificate may be one that was made a minute ago; the address is this machine's.
  const agent = isTls
    ? new HttpsAgent({ maxSockets: Infinity, rejectUnauthorized: false })
    : new HttpAgent({ maxSockets: Infinity })
  const latencies = createLatencyHistogram()
  const readProcess = createProcessReader(() => systemRuntime.now())
  const nodes = new Map<number, { -readonly [Name in keyof NodeLoad]: NodeLoad[Name] }>()
  let allLatencies: number[] = []
  let [asked, failed] = [0, 0]

  function nodeOf(field: string | undefined): { -readonly [Name in keyof NodeLoad]: NodeLoad[Name] } {
    const node = Number(field ?? 1)
    const known = nodes.get(node) ?? { node, connected: 0, deliveries: 0 }
    nodes.set(node, known)
    return known
  }

  function openNext(): void {
    if (asked === clients) return
    asked += 1
    let state: 'opening' | 'open' | 'lost' = 'opening'
    let servedBy: ReturnType<typeof nodeOf> | undefined
    const lose = (): void => {
      if (state === 'lost') return
      if (servedBy !== undefined) servedBy.connected -= 1
      failed += 1
      if (state === 'opening') openNext()
      state = 'lost'
    }
    const request = get(url, { agent, headers: { accept: 'text/event-stream' } }, (response) => {
      response.on('error', lose).on('close', lose)
      if (response.statusCode !== 200) {
        response.destroy()
        return
      }
      state = 'open'
      const at = nodeOf(response.headers[NODE_FIELD] as string | undefined)
      servedBy = at
      at.connected += 1
      const scan = createEventScanner((publishedAtMs) => {
        at.deliveries += 1
        latencies.add(preciseNow() - publishedAtMs)
      })
      response.setEncoding('latin1').on('data', scan)
      openNext()
    })
    request.on('error', lose)
  }

  for (let index = 0; index < OPENING_AT_ONCE; index += 1) openNext()
  every(
    FIGURES_INTERVAL_MS,
    () => {
      allLatencies = latencies
        .countsBetween(LOAD_LATENCY_LIMITS_MS)
        .map((count, index) => count + (allLatencies[index] ?? 0))
      const figures: WorkerFigures = {
        failed,
        nodes: [...nodes.values()].toSorted((one, other) => one.node - other.node),
        latencies: allLatencies,
        p50Ms: latencies.percentile(0.5),
        p99Ms: latencies.percentile(0.99),
        process: readProcess(),
      }
      latencies.clear()
      if (process.connected) process.send?.(figures)
    },
    systemRuntime,
  )
}
