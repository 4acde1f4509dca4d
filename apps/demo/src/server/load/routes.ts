import { createHmac, randomBytes } from 'node:crypto'
import { jsonResponse, textResponse } from '@sse-toolkit/http-core'
import type { Route, Router } from '@sse-toolkit/http-core'
import { respond } from '@sse-toolkit/sse-server'
import type { EventLog, EventStream } from '@sse-toolkit/sse-server'
import { MAX_CLIENTS, MAX_DELIVERIES_PER_SECOND, MAX_RATE, NODE_FIELD } from '../../load/load-figures.ts'
import type { LoadOrder } from '../../load/load-figures.ts'
import { isSameSecret } from '../control-access.ts'
import type { Runtime } from '../runtime.ts'
import { readJson } from '../read-json.ts'
import type { LoadClaims } from './load-claims.ts'
import { createLoadHub } from './load-hub.ts'
import { startLoadRun } from './load-run.ts'
import type { LoadRun } from './load-run.ts'

/** The parts of a load that all processes of a page share. */
export interface LoadSupport {
  /** Of the names of runs: each process knows those that another has given. */
  readonly key: string
  /** All processes read the events that any of them appends. */
  readonly openLog: () => EventLog
  readonly claims: LoadClaims
}

export interface LoadRoutesOptions {
  readonly support: LoadSupport
  /** Which of the processes this is, from 1, and how many share the port: the clients come to all of them. */
  readonly node: number
  readonly nodes: number
  /** Where this server is asked from this machine. */
  readonly ownUrl: () => string
  readonly runtime: Runtime
}

/** The state of loads in this process. */
export interface Load {
  /** Ends what runs. */
  close(): Promise<void>
}

const RUN_NAME = /^([0-9a-f]{16})\.([0-9a-f]{64})$/

/**
 * Adds the load generator:
 *
 *     POST   /load         begins a run, `{ "clients": 500, "rate": 10 }`, and streams its `figures` until it has `ended`;
 *                          closing this stream ends the run. 409 while there is another, 400 for figures that cannot be
 *     DELETE /load         ends the run
 *     GET    /load/events  what its clients read, `?run=<name>`; no other client knows the run's name
 *
 * @returns `clientRoute`: the one that the clients ask, which have nothing but that name.
 */
export function addLoadRoutes(
  router: Router,
  options: LoadRoutesOptions,
): { readonly load: Load; readonly clientRoute: Route } {
  const { support, node, nodes, ownUrl, runtime } = options
  const { key, openLog, claims } = support
  const loadHub = createLoadHub(openLog)
  let current: LoadRun | undefined
  claims.onStop(() => current?.stop('stopped'))

  const signatureOf = (id: string): string => createHmac('sha256', key).update(`load ${id}`).digest('hex')
  const topicOf = (id: string): string => `load.${id}`

  router.post('/load', async (request) => {
    const order = await readOrder(request)
    if (order instanceof Response) return order
    if (!(await claims.claim())) return textResponse('Another load runs: end it first.\n', { status: 409 })
    // It is claimed again with the body: a page that leaves before must not keep it.
    claims.release()
    return respond((stream) => void begin(order, stream), { request })
  })

  async function begin(order: LoadOrder, stream: EventStream): Promise<void> {
    // Another may have begun between the request and its body.
    if (!(await claims.claim())) {
      stream.close()
      return
    }
    const id = randomBytes(8).toString('hex')
    const run = startLoadRun({
      order,
      hub: loadHub.hub,
      topic: topicOf(id),
      url: new URL(`/load/events?run=${id}.${signatureOf(id)}`, ownUrl()).href,
      nodes,
      runtime,
      onFigures: (figures) => stream.send({ event: 'figures', data: figures }),
    })
    current = run
    const stop = (): void => run.stop('stopped')
    if (stream.signal.aborted) stop()
    else stream.signal.addEventListener('abort', stop)
    const end = await run.ended
    current = undefined
    claims.release()
    stream.send({ event: 'ended', data: end })
    stream.close()
  }

  router.delete('/load', async () => jsonResponse({ stopped: (await claims.stop()) ? 1 : 0 }))

  const clientRoute = router.get('/load/events', async (request) => {
    const name = new URL(request.url).searchParams.get('run') ?? ''
    const [, id, signature = ''] = RUN_NAME.exec(name) ?? []
    if (id === undefined || !isSameSecret(signature, signatureOf(id)))
      return textResponse('There is no such run.\n', { status: 404 })
    const response = await loadHub.hub.subscribe(request, { topics: [topicOf(id)] })
    response.headers.set(NODE_FIELD, String(node))
    return response
  })

  return {
    clientRoute,
    load: {
      async close() {
        const run = current
        run?.stop('server-closed')
        await run?.ended
        await loadHub.close()
      },
    },
  }
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
