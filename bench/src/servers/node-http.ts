import { createServer, type ServerResponse } from 'node:http'
import { plainBlock } from '../events.ts'
import { listen, type PublishingServer } from './publishing-server.ts'

/** What an application writes by hand: one string for all connections, `response.write` for each. */
export async function open(): Promise<PublishingServer> {
  const responses = new Set<ServerResponse>()
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
    res.flushHeaders()
    responses.add(res)
    res.on('close', () => responses.delete(res))
  })
  return {
    port: await listen(server),
    publish(events) {
      for (const event of events) {
        const block = plainBlock(event)
        for (const response of responses) response.write(block)
      }
    },
  }
}
