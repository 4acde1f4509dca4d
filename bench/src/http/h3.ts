import { EventStream, H3, serve } from 'h3'
import { host } from '../servers/publishing-server.ts'
import { generateEvents } from './generate-events.ts'
import { userOf } from './http-server.ts'
import type { HttpServer, NewUser } from './http-server.ts'

export async function open(): Promise<HttpServer> {
  const app = new H3()
  app.get('/users/:id', ({ context }) => userOf(context.params?.['id'] ?? ''))
  app.post('/users', async ({ req }) => userOf(((await req.json()) as NewUser).id))
  app.get('/stream', (event) => {
    const stream = new EventStream(event)
    void fill(stream)
    return stream
  })
  const server = serve(app, { hostname: host, port: 0, silent: true })
  await server.ready()
  return { port: Number(new URL(server.url ?? '').port) }
}

async function fill(stream: EventStream): Promise<void> {
  for await (const event of generateEvents()) await stream.push(event)
  await stream.close()
}
