import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSession } from 'better-sse'
import { listen } from '../servers/publishing-server.ts'
import { generateEvents } from './generate-events.ts'
import type { HttpServer } from './http-server.ts'

/** It has no router, and so no `/users/:id`. */
export async function open(): Promise<HttpServer> {
  return { port: await listen(createServer((request, response) => void stream(request, response))) }
}

async function stream(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const session = await createSession(request, response, { serializer: String })
  for await (const { id, data } of generateEvents()) session.push(data, 'message', id)
  response.end()
}
