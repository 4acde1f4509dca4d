/**
 * A model's answer as a finite topic: the first request starts it, every reader gets the whole answer from its own position,
 * and a stop by any reader stops it for all.
 *
 *     POST /answers/:id          begins it, once
 *     GET  /answers/:id          reads it: from the beginning, or after Last-Event-ID
 *     POST /answers/:id/stop     stops it
 */
import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub, topic } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'

export interface AnswerServer {
  readonly url: string
  readonly hub: Hub
  readonly close: () => Promise<void>
}

export async function startServer(
  ask: (id: string, signal: AbortSignal) => AsyncIterable<string>,
): Promise<AnswerServer> {
  const hub = createHub({ reconnectionTimeMs: 50 })
  const router = createRouter()

  router.post('/answers/:id', async (_request, { params: { id } }) => {
    const { started } = await hub.run(topic`answers.${id}`, ({ signal }) => ask(id, signal))
    return jsonResponse({ started })
  })
  router.get('/answers/:id', (request, { params: { id } }) =>
    hub.subscribe(request, {
      topics: [topic`answers.${id}`],
      identity: new URL(request.url).searchParams.get('reader') ?? undefined,
    }),
  )
  router.post('/answers/:id/stop', async (_request, { params: { id } }) =>
    jsonResponse({ stopped: await hub.cancel(topic`answers.${id}`) }),
  )

  const server = createServer({ fetch: router.fetch, port: 0 })
  await server.listen()
  return {
    url: String(server.url).replace(/\/$/, ''),
    hub,
    close: async () => {
      await hub.close()
      await server.close({ timeoutMs: 0 })
    },
  }
}
