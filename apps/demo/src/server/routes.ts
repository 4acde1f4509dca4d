import { createRouter, jsonResponse, textResponse } from '@sse-toolkit/http-core'
import type { RequestContext, Router } from '@sse-toolkit/http-core'
import type { Hub } from '@sse-toolkit/sse-server'
import { TOPIC_INTERVAL_MS } from '../samples.ts'
import type { About } from '../samples.ts'
import { PAGE_ID } from './connections.ts'
import type { PageConnections } from './connections.ts'
import { cuttable } from './cuttable.ts'
import { hostIsLoopback, isLoopbackAddress, isSameOrigin } from './guard.ts'
import type { PageFiles } from './page-files.ts'

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
  connections: PageConnections
  faults: Faults
  /** Which of the processes this is, from 1. */
  node: number
  about: Omit<About, 'faults'>
}

/** What a page may have done to its own connection, whichever process holds that. */
export interface Faults {
  /** Breaks the page's streams. @returns How many there were. */
  cut(pageId: string): Promise<number>
  /** Kills the process that holds the page's stream, as `kill -9` does. @returns How many were killed; the last one is not. */
  kill(pageId: string): Promise<number>
}

/**
 * The demo's routes:
 *
 *     GET  /             the page, and beside it /page.js, /page.css, /icon.svg
 *     GET  /events       the stream of all topics; `?page=<id>` names the page that reads it
 *     GET  /about        what does not change while the process runs
 *     GET  /hub          all that the hub sees, its connections included; for this machine only
 *     POST /faults/cut   breaks the streams of one page: { "page": "<id>" }; from this machine only
 *     POST /faults/kill  kills the process that holds them, if there are others
 */
export function createRoutes({ hub, pageFiles, connections, faults, node, about }: RoutesOptions): Router {
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
    jsonResponse({ ...about, faults: mayInject(context) ? 'allowed' : 'loopback-only' } satisfies About),
  )

  router.get('/hub', (_request, context) =>
    mayInject(context)
      ? jsonResponse(hub.inspect())
      : textResponse('Who reads is shown on the machine itself only.\n', { status: 403 }),
  )
  router.get('/events', subscribe)
  router.post('/faults/cut', inject('cut'), { accept: mayInjectNow })
  router.post('/faults/kill', inject('kill'), { accept: mayInjectNow })
  return router

  async function subscribe(request: Request): Promise<Response> {
    const pageId = new URL(request.url).searchParams.get('page') ?? ''
    const response = await hub.subscribe(request, { topics: TOPICS })
    if (!PAGE_ID.test(pageId)) return response
    return cuttable(
      response,
      `node ${node} of ${about.nodes}, process ${about.pid}`,
      (connection) => connections.add(pageId, connection),
      (connection) => connections.remove(pageId, connection),
    )
  }

  function inject(fault: keyof Faults): (request: Request) => Promise<Response> {
    return async (request) => {
      const pageId = await readPageId(request)
      if (pageId === undefined) return textResponse('Send JSON with the id of a page.\n', { status: 400 })
      return jsonResponse({ [fault]: await faults[fault](pageId) })
    }
  }
}

/** Decides from the head, before a body is read. */
function mayInjectNow(request: Request, context: RequestContext): Response | undefined {
  if (!mayInject(context) || !hostIsLoopback(request.headers.get('host')))
    return textResponse('Faults are for readers on the machine itself.\n', { status: 403 })
  if (!isSameOrigin(request)) return textResponse('Not from another site.\n', { status: 403 })
  return undefined
}

function mayInject(context: RequestContext): boolean {
  return isLoopbackAddress(context.remoteAddress)
}

async function readPageId(request: Request): Promise<string | undefined> {
  let body: unknown
  try {
    body = await request.json()
  } catch (error) {
    // Not JSON is the client's mistake, and said to it; anything else is not ours to hide.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  if (typeof body !== 'object' || body === null || !('page' in body) || typeof body.page !== 'string')
    return undefined
  return PAGE_ID.test(body.page) ? body.page : undefined
}
