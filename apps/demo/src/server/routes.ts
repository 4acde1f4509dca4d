import { createRouter, jsonResponse, textResponse } from '@sse-toolkit/http-core'
import type { RequestContext, Router } from '@sse-toolkit/http-core'
import type { Hub } from '@sse-toolkit/sse-server'
import { TOPIC_INTERVAL_MS } from '../samples.ts'
import type { About } from '../samples.ts'
import { READER_ID } from './connections.ts'
import type { ReaderConnections } from './connections.ts'
import { FAULTS, identityOf } from './faults.ts'
import type { Fault, FaultReach, InjectFault } from './faults.ts'
import { withFaults } from './faulty-connection.ts'
import { hostIsLoopback, isLoopbackAddress } from './guard.ts'
import { refuseForeignSite } from './loopback-only.ts'
import type { ReaderAccess } from './reader-access.ts'
import type { PageFiles } from './page-files.ts'
import { readJson } from './read-json.ts'
import type { Runtime } from './runtime.ts'
import { addTopicRoutes } from './topics/routes.ts'

const TOPICS = Object.keys(TOPIC_INTERVAL_MS)

/** No script, style or connection but our own; `data:` is for nobody. */
const SECURITY_FIELDS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

export interface RoutesOptions {
  hub: Hub
  /** Still being made when the first request may already be there. */
  pageFiles: Promise<PageFiles>
  connections: ReaderConnections
  access: ReaderAccess
  injectFault: InjectFault
  faultReach: FaultReach
  runtime: Runtime
  /** Which of the processes this is, from 1. */
  node: number
  about: Omit<About, 'faults'>
}

/**
 * The demo's routes:
 *
 *     GET  /             the page, and beside it /page.js, /page.css, /icon.svg
 *     GET  /events       the stream of all topics; `?reader=<id>` names who reads it
 *     GET  /about        what does not change while the process runs
 *     GET  /hub          all that the hub sees, its connections included; for this machine only
 *     GET  /topics       a stream of any topics; POST /publish beside it: see topics/routes.ts
 *     POST /access       gives a reader that is named by `{ "reader": "<id>" }` a new token: see reader-access.ts
 *     POST /faults/cut   breaks the streams of the reader that is named so; from this machine only, unless --allow-faults
 *     POST /faults/...   silence, slow, expire, revoke, allow, restart, kill: see faults.ts
 */
export function createRoutes(options: RoutesOptions): Router {
  const { hub, pageFiles, connections, access, injectFault, faultReach, runtime, node, about } = options
  const router = createRouter()
  router.useHead(({ headers }) => {
    for (const [name, value] of Object.entries(SECURITY_FIELDS)) headers.set(name, value)
  })
  // Who reaches us over loopback under a foreign name was led here by DNS rebinding: the figures are none of its business.
  router.use(
    (next) => (request, context) =>
      isLoopbackAddress(context.remoteAddress) && !hostIsLoopback(request.headers.get('host'))
        ? textResponse('This machine is not known by that name here.\n', { status: 421 })
        : next(request, context),
  )

  for (const path of ['/', '/page.js', '/page.js.map', '/page.css', '/icon.svg'])
    router.get(path, async () => {
      const file = (await pageFiles).get(path)
      if (file === undefined) throw new Error(`the page has no ${path}`)
      return new Response(file.content, {
        headers: { 'content-type': file.contentType, 'cache-control': 'no-cache' },
      })
    })

  router.get('/about', (_request, context) =>
    jsonResponse({
      ...about,
      faults: mayInject(faultReach, context) ? 'allowed' : 'loopback-only',
    } satisfies About),
  )

  router.get('/hub', (_request, context) =>
    isLoopbackAddress(context.remoteAddress)
      ? jsonResponse(hub.inspect())
      : textResponse('Who reads is shown on the machine itself only.\n', { status: 403 }),
  )
  const refuseFault = (request: Request, context: RequestContext): Response | undefined =>
    mayInject(faultReach, context)
      ? refuseForeignSite(request)
      : textResponse('Faults and publishing are for readers on the machine itself.\n', { status: 403 })

  router.get('/events', subscribe)
  addTopicRoutes(router, { hub, refuse: refuseFault })
  router.post('/access', renewAccess, { accept: refuseForeignSite })
  for (const fault of FAULTS) router.post(`/faults/${fault}`, inject(fault), { accept: refuseFault })
  return router

  async function subscribe(request: Request): Promise<Response> {
    const readerId = new URL(request.url).searchParams.get('reader') ?? ''
    if (!READER_ID.test(readerId)) return hub.subscribe(request, { topics: TOPICS })
    const verdict = access.check(readerId, request)
    // 204 ends an EventSource for good; 401 asks for other credentials.
    if (verdict === 'revoked') return new Response(null, { status: 204 })
    if (verdict === 'expired') return textResponse('Your access has expired.\n', { status: 401 })
    const response = await hub.subscribe(request, { topics: TOPICS, identity: identityOf(readerId) })
    return withFaults(response, {
      greeting: `node ${node} of ${about.nodes}, process ${about.pid}, start ${about.start}`,
      runtime,
      onOpen: (connection) => connections.add(readerId, connection),
      onClosed: (connection) => connections.remove(readerId, connection),
    })
  }

  async function renewAccess(request: Request): Promise<Response> {
    const readerId = await readReaderId(request)
    if (readerId === undefined) return noReaderId()
    const token = access.issueToken(readerId)
    if (token === undefined) return textResponse('You were revoked.\n', { status: 403 })
    return jsonResponse({ token })
  }

  function inject(fault: Fault): (request: Request) => Promise<Response> {
    return async (request) => {
      const readerId = await readReaderId(request)
      return readerId === undefined
        ? noReaderId()
        : jsonResponse({ [fault]: await injectFault(fault, readerId) })
    }
  }
}

function noReaderId(): Response {
  return textResponse('Send JSON with the id of a reader.\n', { status: 400 })
}

/** A name that only DNS rebinding leads here is refused before: see the middleware. */
function mayInject(reach: FaultReach, context: RequestContext): boolean {
  return reach === 'anywhere' || isLoopbackAddress(context.remoteAddress)
}

async function readReaderId(request: Request): Promise<string | undefined> {
  const body = await readJson(request)
  if (typeof body !== 'object' || body === null || !('reader' in body) || typeof body.reader !== 'string')
    return undefined
  return READER_ID.test(body.reader) ? body.reader : undefined
}
