import { fastifySSE } from '@fastify/sse'
import type { SSEReplyInterface } from '@fastify/sse'
import Fastify from 'fastify'
import { host } from './publishing-server.ts'
import type { PublishingServer } from './publishing-server.ts'

export async function open(): Promise<PublishingServer> {
  const replies = new Set<SSEReplyInterface>()
  const app = Fastify()
  // Its default is JSON; all others send the text as it is.
  await app.register(fastifySSE, { serializer: String })
  app.get('/events', { sse: 'only' }, async (_request, reply) => {
    reply.sse.keepAlive()
    reply.sse.sendHeaders()
    // It does not flush them.
    reply.raw.flushHeaders()
    replies.add(reply.sse)
    reply.sse.onClose(() => replies.delete(reply.sse))
  })
  await app.listen({ host, port: 0 })
  const [address] = app.addresses()
  if (typeof address !== 'object') throw new TypeError('The server listens on no port')
  return {
    port: address.port,
    publish(events) {
      // It settles when the reader has taken the event: a broadcast must not wait for the slowest.
      for (const event of events) for (const sse of replies) void sse.send(event)
    },
  }
}
