import { randomBytes } from 'node:crypto'
import { jsonResponse, textResponse } from '@sse-toolkit/http-core'
import type { Route, Router } from '@sse-toolkit/http-core'
import { respond } from '@sse-toolkit/sse-server'
import { MAX_CLIENTS, MAX_DELIVERIES_PER_SECOND, MAX_RATE } from '../../load/load-figures.ts'
import type { LoadOrder } from '../../load/load-figures.ts'
import { isSameSecret } from '../control-access.ts'
import type { Runtime } from '../runtime.ts'
import { readJson } from '../read-json.ts'
import { LOAD_TOPIC, startLoadRun } from './load-run.ts'
import type { LoadRun } from './load-run.ts'

export interface LoadRoutesOptions {
  /** How many processes share the port: clients would come to any of them, and a run is of one. */
  readonly nodes: number
  /** Where this server is asked from this machine. */
  readonly ownUrl: () => string
  readonly runtime: Runtime
}

/** What there is of load in this process. */
export interface Load {
  /** Ends what runs. */
  close(): Promise<void>
}

/**
 * Adds the load generator:
 *
 *     POST   /load         begins a run, `{ "clients": 500, "rate": 10 }`, and streams its `figures` until it has `ended`;
 *                          closing this stream ends the run. 409 while there is another, 400 for figures that cannot be
 *     DELETE /load         ends the run
 *     GET    /load/events  what its clients read, `?run=<name>`; nobody else knows the run's name
 *
 * @returns `clientRoute`: the one that the clients ask, which have nothing but that name.
 */
export function addLoadRoutes(
  router: Router,
  options: LoadRoutesOptions,
): { readonly load: Load; readonly clientRoute: Route } {
  const { nodes, ownUrl, runtime } = options
  let current: { run: LoadRun; name: string } | undefined

  router.post('/load', async (request) => {
    const order = await readOrder(request)
    if (order instanceof Response) return order
    if (nodes > 1)
      return textResponse('A load is for one process: start the demo without --nodes.\n', { status: 409 })
    if (current !== undefined) return busy()
    return respond(
      (stream) => {
        // Another may have begun between the request and its body.
        if (current !== undefined) {
          stream.close()
          return
        }
        const name = randomBytes(16).toString('hex')
        const run = startLoadRun({
          order,
          url: new URL(`/load/events?run=${name}`, ownUrl()).href,
          runtime,
          onFigures: (figures) => stream.send({ event: 'figures', data: figures }),
        })
        current = { run, name }
        stream.signal.addEventListener('abort', () => run.stop('stopped'))
        void run.ended.then((end) => {
          current = undefined
          stream.send({ event: 'ended', data: end })
          stream.close()
          return undefined
        })
      },
      { request },
    )
  })

  router.delete('/load', async () => {
    const wasRunning = current !== undefined
    current?.run.stop('stopped')
    await current?.run.ended
    return jsonResponse({ stopped: wasRunning ? 1 : 0 })
  })

  const clientRoute = router.get('/load/events', (request) => {
    const name = new URL(request.url).searchParams.get('run') ?? ''
    return current !== undefined && isSameSecret(name, current.name)
      ? current.run.hub.subscribe(request, { topics: [LOAD_TOPIC] })
      : textResponse('There is no such run.\n', { status: 404 })
  })

  return {
    clientRoute,
    load: {
      async close() {
        current?.run.stop('server-closed')
        await current?.run.ended
      },
    },
  }
}

function busy(): Response {
  return textResponse('Another load runs: end it first.\n', { status: 409 })
}

/** @returns A response that says what is wrong with it, otherwise. */
async function readOrder(request: Request): Promise<LoadOrder | Response> {
  const json = await readJson(request)
  if (json === undefined) return textResponse('Send an order as JSON.\n', { status: 400 })
  const { clients, rate } = (json ?? {}) as Partial<Record<keyof LoadOrder, unknown>>
  if (!isCount(clients, MAX_CLIENTS)) return refusal('clients', clients, `a number from 1 to ${MAX_CLIENTS}`)
  if (!isCount(rate, MAX_RATE)) return refusal('rate', rate, `a number from 1 to ${MAX_RATE}`)
  if (clients * rate > MAX_DELIVERIES_PER_SECOND)
    return refusal('clients times rate', clients * rate, `at most ${MAX_DELIVERIES_PER_SECOND}`)
  return { clients, rate }
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max
}

function refusal(name: string, value: unknown, expected: string): Response {
  const shown = (JSON.stringify(value) ?? 'missing').slice(0, 40)
  return textResponse(`${name} is ${shown}: it must be ${expected}.\n`, { status: 400 })
}
