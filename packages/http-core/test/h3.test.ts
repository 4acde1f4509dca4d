import { H3, HTTPError, getQuery, readBody } from 'h3'
import { describe, expect, it } from 'vitest'
import { rawClient } from './raw-client.ts'
import { eventually, serving } from './serving.ts'

/** Another web handler that was written for other servers. */
function h3App(): { readonly app: H3; readonly aborted: Promise<void> } {
  const app = new H3()
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  app.use((event) => {
    event.res.headers.set('x-middleware', 'yes')
  })
  app.get(
    '/hello/:name',
    (event) => `hello ${event.context.params?.['name']} ${String(getQuery(event)['q'])}`,
  )
  app.get('/json', (event) => ({ agent: event.req.headers.get('user-agent') }))
  app.post('/json', async (event) => (await readBody(event)) ?? null)
  app.get('/refused', () => {
    throw new HTTPError({ status: 418, message: 'tea' })
  })
  app.get('/stream', (event) => {
    event.req.signal.addEventListener('abort', () => resolve())
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode('data: x\n\n')),
      }),
      { headers: { 'content-type': 'text/event-stream' } },
    )
  })
  return { app, aborted }
}

describe.each(['native', 'light'] as const)('an h3 app runs unchanged (%s requests)', (requests) => {
  it('with routes, middleware, JSON and errors', async () => {
    const { app } = h3App()
    const server = await serving({ fetch: (request) => app.fetch(request), requests })
    const hello = await fetch(`${server.url}/hello/ada?q=1`)
    expect([await hello.text(), hello.headers.get('x-middleware')]).toEqual(['hello ada 1', 'yes'])
    expect(await (await fetch(`${server.url}/json`, { headers: { 'user-agent': 'test' } })).json()).toEqual({
      agent: 'test',
    })
    const posted = await fetch(`${server.url}/json`, {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    })
    expect(await posted.json()).toEqual({ a: 1 })
    expect((await fetch(`${server.url}/refused`)).status).toBe(418)
    expect((await fetch(`${server.url}/none`)).status).toBe(404)
  })

  it('with streams, which hear of a client that goes away', async () => {
    const { app, aborted } = h3App()
    const server = await serving({ fetch: (request) => app.fetch(request), requests })
    const client = await rawClient(server.port)
    client.send('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.until('data: x')
    client.destroy()
    await aborted
    await eventually(() => server.requestsInFlight === 0)
    expect(server.status).toBe('running')
  })
})
