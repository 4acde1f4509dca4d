import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { plainBlock } from '../events.ts'
import { listen } from '../servers/publishing-server.ts'
import { generateEvents } from './generate-events.ts'
import { userOf } from './http-server.ts'
import type { HttpServer, NewUser } from './http-server.ts'

export async function open(): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const url = request.url ?? ''
    if (url.startsWith('/users/')) answer(response, url.slice('/users/'.length))
    else if (url === '/users') receive(request, response)
    else void stream(response)
  })
  return { port: await listen(server) }
}

function answer(response: ServerResponse, id: string): void {
  const body = JSON.stringify(userOf(id))
  response
    .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
    .end(body)
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request
    .on('data', (chunk: Buffer) => {
      chunks.push(chunk)
    })
    .on('end', () => {
      answer(response, (JSON.parse(Buffer.concat(chunks).toString()) as NewUser).id)
    })
}

async function stream(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  for await (const event of generateEvents()) {
    if (!response.write(plainBlock(event))) await once(response, 'drain')
  }
  response.end()
}
