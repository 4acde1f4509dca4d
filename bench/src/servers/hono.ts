import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { SSEStreamingApi } from 'hono/streaming'
import { listen } from './publishing-server.ts'
import type { PublishingServer } from './publishing-server.ts'

export async function open(): Promise<PublishingServer> {
  const streams = new Set<SSEStreamingApi>()
  const app = new Hono()
  app.get('/events', (context) =>
    streamSSE(context, async (stream) => {
      streams.add(stream)
      await new Promise<void>((resolve) => {
        stream.onAbort(resolve)
      })
      streams.delete(stream)
    }),
  )
  const server = createAdaptorServer({ fetch: app.fetch })
  return {
    port: await listen(server),
    publish(events) {
      // It settles when the reader has taken the event: a broadcast must not wait for the slowest.
      for (const event of events) for (const stream of streams) void stream.writeSSE(event)
    },
  }
}
