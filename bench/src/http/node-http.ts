import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { plainBlock } from '../events.ts'
import { listen } from '../servers/publishing-server.ts'
import { generateEvents } from './generate-events.ts'
import { userOf } from './http-server.ts'
import type { HttpServer } from './http-server.ts'

export async function open(): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const url = request.url ?? ''
    if (url.startsWith('/users/')) {
      const body = JSON.stringify(userOf(url.slice('/users/'.length)))
      response
        .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
        .end(body)
    } else void stream(response)
  })
  return { port: await listen(server) }
}

async function stream(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  for await (const event of generateEvents()) {
    if (!response.write(plainBlock(event))) await once(response, 'drain')
  }
  response.end()
}
