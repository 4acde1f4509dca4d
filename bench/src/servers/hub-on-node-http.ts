import { createServer } from 'node:http'
import { createHub } from '@sse-toolkit/sse-server'
import { sendResponse } from '@sse-toolkit/sse-server/node'
import { host, listen } from './publishing-server.ts'
import type { PublishingServer } from './publishing-server.ts'

export async function open(): Promise<PublishingServer> {
  const hub = createHub()
  const server = createServer((req, res) => {
    const request = new Request(`http://${host}${req.url}`)
    void hub.subscribe(request, { topics: ['bench'] }).then((response) => sendResponse(res, response))
  })
  return {
    port: await listen(server),
    replayPath: '/events?lastEventId=earliest',
    publish: (events) => Promise.all(events.map(({ data }) => hub.publish('bench', { data }))),
  }
}
