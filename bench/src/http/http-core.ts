import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { respond } from '@sse-toolkit/sse-server'
import { generateEvents } from './generate-events.ts'
import { userOf } from './http-server.ts'
import type { HttpServer, NewUser } from './http-server.ts'

export async function open(): Promise<HttpServer> {
  const router = createRouter()
  router.get('/users/:id', (_request, { params }) => jsonResponse(userOf(params.id)))
  router.post('/users', async (request) => {
    const { id } = (await request.json()) as NewUser
    return jsonResponse(userOf(id))
  })
  router.get('/stream', () => respond(generateEvents()))
  const server = createServer({ fetch: router.fetch, port: 0 })
  await server.listen()
  const { port } = server
  if (port === undefined) throw new TypeError('The server listens on no port')
  return { port }
}
