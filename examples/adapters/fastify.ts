import fastify from 'fastify'
import { respond } from '@sse-toolkit/sse-server'
import type { HeaderFields } from '@sse-toolkit/sse-server'
import { openEventStream, sendFastify } from '@sse-toolkit/sse-server/node'
import { check, createStory, maxBufferedBytes } from './story.ts'
import type { RunningExample } from './story.ts'

export async function start(): Promise<RunningExample> {
  const story = createStory()
  const { onClose } = story

  const app = fastify({ forceCloseConnections: true })
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-set-before', 'yes')
  })
  app.route({
    method: ['GET', 'POST', 'HEAD'],
    url: '/push',
    handler: (request, reply) => {
      // Fastify releases the response. The header fields that hooks have set on the reply are kept.
      reply.hijack()
      const headers = reply.getHeaders() as HeaderFields
      const stream = openEventStream(request.raw, reply.raw, { onClose, maxBufferedBytes, headers })
      return story.push(request.url, stream)
    },
  })
  app.route({
    method: ['GET', 'POST', 'HEAD'],
    url: '/pull',
    handler: (request, reply) =>
      sendFastify(
        reply,
        respond(({ signal }) => story.pull(request.url, signal), { onClose }),
      ),
  })
  app.get('/observed', async () => story.observed)
  return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
}

if (import.meta.main) await check(start)
