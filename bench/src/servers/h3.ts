import { EventStream, H3, serve } from 'h3'
import { host } from './publishing-server.ts'
import type { PublishingServer } from './publishing-server.ts'

export async function open(): Promise<PublishingServer> {
  const streams = new Set<EventStream>()
  const app = new H3()
  app.get('/events', (event) => {
    const stream = new EventStream(event)
    // The head is not sent before something is.
    void stream.pushComment('open')
    streams.add(stream)
    stream.onClosed(() => streams.delete(stream))
    return stream
  })
  const server = serve(app, { hostname: host, port: 0, silent: true })
  await server.ready()
  return {
    port: Number(new URL(server.url ?? '').port),
    publish(events) {
      // It settles when the reader has taken the event: a broadcast must not wait for the slowest.
      for (const event of events) for (const stream of streams) void stream.push(event)
    },
  }
}
