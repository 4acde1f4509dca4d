import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { listen } from '../servers/publishing-server.ts'
import { generateEvents } from './generate-events.ts'
import { userOf } from './http-server.ts'
import type { HttpServer, NewUser } from './http-server.ts'

export async function open(): Promise<HttpServer> {
  const app = new Hono()
  app.get('/users/:id', (context) => context.json(userOf(context.req.param('id'))))
  app.post('/users', async (context) => context.json(userOf((await context.req.json<NewUser>()).id)))
  app.get('/stream', (context) =>
    streamSSE(context, async (stream) => {
      for await (const event of generateEvents()) await stream.writeSSE(event)
    }),
  )
  return { port: await listen(createAdaptorServer({ fetch: app.fetch })) }
}
