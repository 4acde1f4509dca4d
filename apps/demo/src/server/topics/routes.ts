import { jsonResponse, textResponse } from '@sse-toolkit/http-core'
import type { Route, Router } from '@sse-toolkit/http-core'
import type { Hub } from '@sse-toolkit/sse-server'
import { readJson } from '../read-json.ts'

/** What may be published from outside lies under this. */
const PLAYGROUND = 'play.'
const PUBLICATION_HELP = `Send JSON: { "topic": "${PLAYGROUND}...", "event": "type", "data": any }.\n`

/** What the hub throws because of what a client has sent. */
const CLIENT_MISTAKES = new Set([
  'invalid-topic',
  'invalid-option',
  'invalid-event',
  'reserved-event',
  'invalid-data',
  'event-too-large',
  'topic-ended',
])

interface Publication {
  readonly topic: string
  readonly event: string | undefined
  readonly data: unknown
}

/**
 *     GET  /topics?topic=machine.*&topic=play.>   a stream of those topics, patterns as in NATS; up to 64
 *     POST /publish                               publishes below `play.`
 *
 * @returns The route that only reads.
 */
export function addTopicRoutes(
  router: Router,
  hub: Pick<Hub, 'subscribe' | 'publish'>,
): { readonly subscribe: Route } {
  const subscribe = router.get('/topics', async (request) => {
    // Whether one is a topic or a pattern, its wildcards say.
    const patterns = new URL(request.url).searchParams.getAll('topic')
    if (patterns.length === 0)
      return textResponse('Name a topic or a pattern: /topics?topic=machine.*\n', { status: 400 })
    return hub.subscribe(request, { patterns })
  })

  router.post('/publish', async (request) => {
    const publication = publicationOf(await readJson(request))
    if (publication === undefined) return textResponse(PUBLICATION_HELP, { status: 400 })
    const { topic, event, data } = publication
    if (!topic.startsWith(PLAYGROUND))
      return textResponse(`Only topics under ${PLAYGROUND} can be published to.\n`, { status: 403 })
    return answer(async () => jsonResponse(await hub.publish(topic, { event, data })))
  })
  return { subscribe }
}

/** @returns undefined if it is no publication. */
function publicationOf(body: unknown): Publication | undefined {
  if (typeof body !== 'object' || body === null || !('topic' in body) || !('data' in body)) return undefined
  const { topic, data } = body
  const event = 'event' in body ? body.event : undefined
  if (typeof topic !== 'string' || (event !== undefined && typeof event !== 'string')) return undefined
  return { topic, event, data }
}

async function answer(ask: () => Promise<Response>): Promise<Response> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof Error && 'code' in error && CLIENT_MISTAKES.has(String(error.code)))
      return textResponse(`${error.message}\n`, { status: 400 })
    throw error
  }
}
