import { Hono } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { bodyLimit } from 'hono/body-limit'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { etag } from 'hono/etag'
import { HTTPException } from 'hono/http-exception'
import { logger } from 'hono/logger'
import { methodOverride } from 'hono/method-override'
import { streamSSE } from 'hono/streaming'
import { describe, expect, it } from 'vitest'
import { rawClient } from './raw-client.ts'
import { eventually, serving } from './serving.ts'

/** A web handler that was written for other servers, with what such applications use. */
function honoApp(): { readonly app: Hono; readonly aborted: Promise<void> } {
  const app = new Hono()
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  app.use(cors())
  app.use(logger(() => {}))
  app.get('/hello/:name', (c) => c.text(`hello ${c.req.param('name')} ${c.req.query('q')}`))
  app.get('/json', (c) => c.json({ agent: c.req.header('user-agent') }))
  app.post('/json', async (c) => c.json(await c.req.json()))
  app.post('/form', async (c) => c.json(await c.req.parseBody()))
  app.post('/limited', bodyLimit({ maxSize: 10 }), async (c) => c.text(await c.req.text()))
  app.get('/secret', basicAuth({ username: 'a', password: 'b' }), (c) => c.text('secret'))
  app.get('/etag', etag(), (c) => c.text('etag'))
  app.get('/compressed', compress({ threshold: 0 }), (c) => c.text('x'.repeat(5000)))
  app.get('/events', (c) =>
    streamSSE(c, async (stream) => {
      stream.onAbort(resolve)
      for (let id = 0; !stream.aborted; id += 1) {
        await stream.writeSSE({ data: 'tick', id: String(id) })
        await stream.sleep(5)
      }
    }),
  )
  app.use('/override', methodOverride({ app }))
  app.delete('/override', (c) => c.text('deleted'))
  app.mount(
    '/mounted',
    (request) => new Response(`mounted ${new URL(request.url).pathname} ${request.method}`),
  )
  app.get('/boom', () => {
    throw new Error('boom')
  })
  app.onError((error, c) =>
    error instanceof HTTPException ? error.getResponse() : c.text(`caught ${error.message}`, 500),
  )
  return { app, aborted }
}

describe('a Hono application runs unchanged', () => {
  it('by its fetch alone', async () => {
    const { app, aborted } = honoApp()
    const { url, port } = await serving({ fetch: app.fetch })
    const text = async (path: string, init?: RequestInit): Promise<string> =>
      (await fetch(url + path, init)).text()

    expect(await text('/hello/a%20b?q=1')).toBe('hello a b 1')
    expect(await text('/json', { headers: { 'user-agent': 'test' } })).toBe('{"agent":"test"}')
    expect(await text('/json', { method: 'POST', body: '{"a":[1]}' })).toBe('{"a":[1]}')
    const form = new FormData()
    form.set('a', 'b')
    expect(await text('/form', { method: 'POST', body: form })).toBe('{"a":"b"}')
    expect(await text('/mounted/x/y', { method: 'POST' })).toBe('mounted /x/y POST')
    expect(await text('/boom')).toBe('caught boom')
    expect((await fetch(`${url}/secret`)).status).toBe(401)
    expect((await fetch(`${url}/none`)).status).toBe(404)

    // These make a new Request out of the one they got, which only a native one allows.
    expect(await text('/limited', { method: 'POST', body: '0123456789' })).toBe('0123456789')
    expect((await fetch(`${url}/limited`, { method: 'POST', body: '0123456789a' })).status).toBe(413)
    const override = new FormData()
    override.set('_method', 'DELETE')
    expect(await text('/override', { method: 'POST', body: override })).toBe('deleted')

    const tagged = await fetch(`${url}/etag`)
    const tag = tagged.headers.get('etag') ?? ''
    await tagged.text()
    expect((await fetch(`${url}/etag`, { headers: { 'if-none-match': tag } })).status).toBe(304)

    const compressed = await fetch(`${url}/compressed`, { headers: { 'accept-encoding': 'gzip' } })
    expect(compressed.headers.get('content-encoding')).toBe('gzip')
    expect(await compressed.text()).toBe('x'.repeat(5000))

    const client = await rawClient(port)
    client.send('GET /events HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.until('id: 2')
    client.destroy()
    await aborted
  })

  it('with light requests too, as long as none becomes the first argument of new Request', async () => {
    const { app } = honoApp()
    const server = await serving({ fetch: app.fetch, requests: 'light' })
    const { url } = server
    const text = async (path: string, init?: RequestInit): Promise<string> =>
      (await fetch(url + path, init)).text()
    expect(await text('/hello/a?q=1')).toBe('hello a 1')
    expect(await text('/json', { method: 'POST', body: '{"a":[1]}' })).toBe('{"a":[1]}')
    expect(await text('/mounted/x', { method: 'POST' })).toBe('mounted /x POST')
    await eventually(() => server.requestsInFlight === 0)
  })
})
