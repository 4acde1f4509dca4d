import { createRouter, jsonResponse, textResponse } from '@sse-toolkit/http-core'
import type { Router } from '@sse-toolkit/http-core'
import type { Hub } from '@sse-toolkit/sse-server'
import { TOPIC_INTERVAL_MS } from '../samples.ts'
import type { About } from '../samples.ts'
import { READER_ID } from './connections.ts'
import type { ReaderConnections } from './connections.ts'
import { guardControls, refuseOtherSite } from './control-access.ts'
import type { ControlAccess } from './control-access.ts'
import { FAULTS, identityOf } from './faults.ts'
import type { Fault, InjectFault } from './faults.ts'
import { withFaults } from './faulty-connection.ts'
import { hostIsLoopback, isLoopbackAddress } from './guard.ts'
import type { InspectReach } from './inspect/reach.ts'
import { addInspectRoutes } from './inspect/routes.ts'
import { addLoadRoutes } from './load/routes.ts'
import type { Load, LoadSupport } from './load/routes.ts'
import type { ReaderAccess } from './reader-access.ts'
import type { PageFiles } from './page-files.ts'
import { addPresenceRoutes } from './presence/routes.ts'
import { readJson } from './read-json.ts'
import type { Runtime } from './runtime.ts'
import { addTopicRoutes } from './topics/routes.ts'

const TOPICS = Object.keys(TOPIC_INTERVAL_MS)

/** No script, style or connection but our own; no `data:` URLs. */
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
  /** Decides which requests may use the controls. */
  controls: ControlAccess
  injectFault: InjectFault
  inspectReach: InspectReach
  loadSupport: LoadSupport
  /** Where this server is asked from its own machine. */
  ownUrl: () => string
  runtime: Runtime
  /** Which of the processes this is, from 1. */
  node: number
  about: Omit<About, 'controls'>
}

/**
 * The demo's routes. Open to every visitor, who watches:
 *
 *     GET  /             the page, and next to it /page.js, /page.css, /icon.svg
 *     GET  /events       the stream of all topics; `?reader=<id>` names the reader
 *     GET  /topics       a stream of any topics
 *     GET  /about        what does not change while the process runs, and whether the visitor may use the controls
 *     POST /access       gives a reader that is named by `{ "reader": "<id>" }` a new token: see reader-access.ts
 *     GET  /load/events  for the clients of a load that runs, which know its name
 *
 * Everything else needs the token that the demo printed: see control-access.ts.
 *
 *     POST /faults/cut   breaks the streams of the reader that is named so; silence, slow, expire, revoke, allow, restart,
 *                        kill: see faults.ts
 *     POST /publish      publishes below `play.`: see topics/routes.ts
 *     GET  /hub          all that the hub sees, its connections included
 *     GET  /presence     who reads, from where; POST /presence/disconnect: see presence/routes.ts
 *     POST /load         thousands of connections; DELETE /load: see load/routes.ts
 *     POST /inspect      sends a request to wherever the order says: see inspect/routes.ts
 */
export function createRoutes(options: RoutesOptions): { readonly router: Router; readonly load: Load } {
  const { hub, pageFiles, connections, access, controls, injectFault, inspectReach, ownUrl, runtime, node } =
    options
  const { about } = options
  const { nodes } = about
  const router = createRouter()
  router.useHead(({ headers }) => {
    for (const [name, value] of Object.entries(SECURITY_FIELDS)) headers.set(name, value)
  })
  router.use((next) => (request, context) => controls.signIn(request) ?? next(request, context))
  // A request over loopback that names another host is either DNS rebinding, and that site must not see the figures, or
  // comes from a proxy that passes the Host on, and then it has the token.
  router.use(
    (next) => (request, context) =>
      isLoopbackAddress(context.remoteAddress) &&
      !hostIsLoopback(request.headers.get('host')) &&
      controls.check(request) !== 'granted'
        ? textResponse('This machine is not known by that name here.\n', { status: 421 })
        : next(request, context),
  )
  const guard = guardControls(router, controls)

  for (const path of ['/', '/page.js', '/page.js.map', '/page.css', '/icon.svg'])
    guard.leaveOpen(router.get(path, () => pageFile(path)))

  guard.leaveOpen(
    router.get('/about', (request) => {
      const verdict = controls.check(request)
      return jsonResponse({
        ...about,
        controls: verdict === 'granted' ? 'allowed' : verdict,
      } satisfies About)
    }),
    router.get('/events', subscribe),
    router.post('/access', renewAccess, { accept: refuseOtherSite }),
    addTopicRoutes(router, hub).subscribe,
  )
  router.get('/hub', () => jsonResponse(hub.inspect()))
  for (const fault of FAULTS) router.post(`/faults/${fault}`, inject(fault))
  const visitors = addPresenceRoutes(router, { hub, node, nodes, runtime })
  addInspectRoutes(router, { reach: inspectReach, runtime })
  const { load, clientRoute } = addLoadRoutes(router, {
    support: options.loadSupport,
    node,
    nodes,
    runtime,
    ownUrl,
  })
  guard.leaveOpen(clientRoute)
  return { router, load }

  async function pageFile(path: string): Promise<Response> {
    const file = (await pageFiles).get(path)
    if (file === undefined) throw new Error(`the page has no ${path}`)
    return new Response(file.content, {
      headers: { 'content-type': file.contentType, 'cache-control': 'no-cache' },
    })
  }

  async function subscribe(request: Request): Promise<Response> {
    const readerId = new URL(request.url).searchParams.get('reader') ?? ''
    if (!READER_ID.test(readerId)) return hub.subscribe(request, { topics: TOPICS })
    const verdict = access.check(readerId, request)
    // 204 ends an EventSource for good; 401 asks for other credentials.
    if (verdict === 'revoked') return new Response(null, { status: 204 })
    if (verdict === 'expired') return textResponse('Your access has expired.\n', { status: 401 })
    const identity = identityOf(readerId)
    const goesBack = request.headers.get('last-event-id') === 'earliest'
    const response = await hub.subscribe(request, { topics: TOPICS, identity })
    return withFaults(response, {
      greeting: `node ${node} of ${about.nodes}, process ${about.pid}, start ${about.start}`,
      runtime,
      onOpen(connection) {
        connections.add(readerId, connection)
        visitors.arrive(identity, runtime.wallClock(), goesBack)
      },
      onClosed(connection) {
        connections.remove(readerId, connection)
        visitors.leave(identity, runtime.wallClock())
      },
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

async function readReaderId(request: Request): Promise<string | undefined> {
  const body = await readJson(request)
  if (typeof body !== 'object' || body === null || !('reader' in body) || typeof body.reader !== 'string')
    return undefined
  return READER_ID.test(body.reader) ? body.reader : undefined
}
