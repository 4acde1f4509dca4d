import { createServer } from 'node:http'
import { createChannel, createSession } from 'better-sse'
import { listen } from './publishing-server.ts'
import type { PublishingServer } from './publishing-server.ts'

export async function open(): Promise<PublishingServer> {
  const channel = createChannel()
  // Its default is JSON; all others send the text as it is.
  const serializer = String
  const server = createServer((req, res) => {
    void createSession(req, res, { serializer }).then((session) => channel.register(session))
  })
  return {
    port: await listen(server),
    publish(events) {
      for (const { id, data } of events) channel.broadcast(data, 'message', { eventId: id })
    },
  }
}
