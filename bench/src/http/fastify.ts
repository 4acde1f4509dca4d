import { fastifySSE } from '@fastify/sse'
import Fastify from 'fastify'
import { host } from '../servers/publishing-server.ts'
import { generateEvents } from './generate-events.ts'
import { userOf } from './http-server.ts'
import type { HttpServer, NewUser } from './http-server.ts'

export async function open(): Promise<HttpServer> {
  const app = Fastify()
  await app.register(fastifySSE, { serializer: String })
  app.get<{ Params: { id: string } }>('/users/:id', (request, reply) => {
    reply.send(userOf(request.params.id))
  })
  app.post<{ Body: NewUser }>('/users', (request, reply) => {
    reply.send(userOf(request.body.id))
  })
  app.get('/stream', { sse: 'only' }, (_request, reply) => reply.sse.send(generateEvents()))
  await app.listen({ host, port: 0 })
  const [address] = app.addresses()
  if (typeof address !== 'object') throw new TypeError('The server listens on no port')
  return { port: address.port }
}
