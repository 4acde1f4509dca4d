import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { plainBlock } from '../events.ts'
import { listen } from './publishing-server.ts'
import type { PublishingServer } from './publishing-server.ts'

const historyLength = 2000

/** The code that applications write by hand: one string for all connections, `response.write` for each. */
export async function open(): Promise<PublishingServer> {
  const responses = new Set<ServerResponse>()
  const history: string[] = []
  const server = createServer((req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
    res.flushHeaders()
    if (req.url === '/replay') for (const block of history) res.write(block)
    responses.add(res)
    res.on('close', () => responses.delete(res))
  })
  return {
    port: await listen(server),
    replayPath: '/replay',
    publish(events) {
      for (const event of events) {
        const block = plainBlock(event)
        history.push(block)
        if (history.length > historyLength) history.shift()
        for (const response of responses) response.write(block)
      }
    },
  }
}
