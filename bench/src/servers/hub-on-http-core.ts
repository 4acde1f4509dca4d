import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'
import type { PublishingServer } from './publishing-server.ts'

export async function open(): Promise<PublishingServer> {
  const hub = createHub()
  const router = createRouter()
  router.get('/events', (request) => hub.subscribe(request, { topics: ['bench'] }))
  const server = createServer({ fetch: router.fetch, port: 0 })
  await server.listen()
  const { port } = server
  if (port === undefined) throw new TypeError('The server listens on no port')
  return {
    port,
    replayPath: '/events?lastEventId=earliest',
    publish: (events) => Promise.all(events.map(({ data }) => hub.publish('bench', { data }))),
  }
}
