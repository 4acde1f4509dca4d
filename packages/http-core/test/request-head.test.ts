import { describe, expect, it, onTestFinished } from 'vitest'
import { cors, createRouter, HttpError, metadataKey, textResponse } from '../src/index.ts'
import type { RequestHead, RequestHeadHook } from '../src/index.ts'
import { channel } from '../src/node/web-socket/index.ts'
import { rawClient, rawExchange, statuses } from './raw-client.ts'
import { serving } from './serving.ts'

const overridesMethod: RequestHeadHook = (head) => {
  const method = head.headers.get('x-http-method-override')
  if (head.method === 'POST' && method !== null) head.method = method
}

const requests = ['light', 'native'] as const

describe('a stage over the head of the request', () => {
  it.each(requests)('decides about the route by method, URL and fields (%s requests)', async (form) => {
    const router = createRouter()
    router.useRequestHead(overridesMethod)
    router.useRequestHead((head) => {
      head.url = head.url.replace('/v1/', '/')
      head.headers.set('x-seen', 'yes')
      head.headers.delete('x-secret')
    })
    router.put('/rooms/:room', async (request, { params }) =>
      textResponse(
        [
          request.method,
          new URL(request.url).pathname,
          params.room,
          request.headers.get('x-seen'),
          request.headers.get('x-secret'),
          await request.text(),
        ].join(' '),
      ),
    )
    const server = await serving({ fetch: router.fetch, requests: form })
    const response = await fetch(`${server.url}/v1/rooms/a`, {
      method: 'POST',
      body: 'content',
      headers: { 'x-http-method-override': 'PUT', 'x-secret': 'x' },
    })
    expect(await response.text()).toBe('PUT /rooms/a a yes  content')
  })

  it.each(requests)(
    'comes before the content is read: 100 Continue waits for it (%s requests)',
    async (form) => {
      const router = createRouter()
      router.useRequestHead(({ headers }) => {
        if (!headers.has('authorization')) throw new HttpError(401)
      })
      router.post('/', async (request) => textResponse(`{${await request.text()}}`))
      const server = await serving({ fetch: router.fetch, requests: form })
      const head =
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n'
      expect(statuses(await rawExchange(server.port, `${head}\r\n`))).toEqual([401])
      const client = await rawClient(server.port)
      client.send(`${head}Authorization: x\r\n\r\n`)
      await client.until('100 Continue')
      client.send('abc')
      expect(await client.closed).toContain('{abc}')
    },
  )

  it('is on every route: event streams, upgrades, the fallback and the answers of the router', async () => {
    const seen: string[] = []
    const router = createRouter()
    router.useRequestHead(({ method, url, headers }) => {
      seen.push(`${method} ${new URL(url).pathname}`)
      if (headers.has('x-refuse')) return textResponse('refused', { status: 403 })
      return undefined
    })
    router.get(
      '/events',
      () => new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } }),
    )
    router.get('/chat', (request) => channel(request, { open: (chat) => void chat.send('hello') }))
    router.post('/posted', () => textResponse('x'))
    const server = await serving({ fetch: router.fetch })
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    const ask = async (method: string, path: string, fields: string): Promise<number> => {
      const client = await rawClient(server.port)
      onTestFinished(() => {
        client.destroy()
      })
      client.send(`${method} ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`)
      return Number((await client.until('\r\n\r\n')).slice(9, 12))
    }
    const asked = [
      ['GET', '/events', '', 200],
      ['GET', '/chat', upgrade, 101],
      ['GET', '/posted', '', 405],
      ['OPTIONS', '/posted', '', 204],
      ['GET', '/nothing', '', 404],
    ] as const
    for (const [method, path, fields, status] of asked) {
      expect(await ask(method, path, fields)).toBe(status)
      expect(await ask(method, path, `${fields}X-Refuse: 1\r\n`)).toBe(403)
    }
    expect(seen).toEqual(asked.flatMap(([method, path]) => [`${method} ${path}`, `${method} ${path}`]))
  })

  it('refuses inside the middlewares: with the fields of cors(), which still answers preflights', async () => {
    const router = createRouter()
    router.use(cors({ origin: ['https://app.example'] }))
    const failure: { error?: Error } = {}
    router.useRequestHead(() => {
      throw failure.error ?? new HttpError(401, 'Sign in first.')
    })
    router.get('/', () => textResponse('never'))
    const server = await serving({ fetch: router.fetch })
    const headers = { origin: 'https://app.example' }
    const refused = await fetch(server.url, { headers })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example')
    const preflight = await fetch(server.url, {
      method: 'OPTIONS',
      headers: { ...headers, 'access-control-request-method': 'GET' },
    })
    expect(preflight.status).toBe(204)
    failure.error = new Error('broken')
    const failed = await fetch(server.url, { headers })
    expect(failed.status).toBe(500)
    expect(failed.headers.get('access-control-allow-origin')).toBe('https://app.example')
  })

  it('may be asynchronous, and leaves metadata and limits in the context', async () => {
    const user = metadataKey<string>('user')
    const router = createRouter()
    router.useRequestHead(async (_head, context) => {
      await Promise.resolve()
      context.set(user, 'Ada')
      context.maxBodyBytes = 3
    })
    router.post('/', async (request, context) => textResponse(`${context.get(user)} ${await request.text()}`))
    const server = await serving({ fetch: router.fetch })
    expect(await (await fetch(server.url, { method: 'POST', body: 'abc' })).text()).toBe('Ada abc')
    expect((await fetch(server.url, { method: 'POST', body: 'abcd' })).status).toBe(413)
  })

  it.each([null, false, 'no'])('is an error that answers %o: only a Response refuses', async (answer) => {
    const router = createRouter()
    router.useRequestHead(() => answer as never)
    router.get('/', () => textResponse('never'))
    const server = await serving({ fetch: router.fetch })
    expect((await fetch(server.url)).status).toBe(500)
  })

  it.each([
    ['method', 'a b'],
    ['method', 'TRACE'],
    ['url', 'ftp://a.example/'],
    ['url', 'http://u:p@a.example/'],
  ] as const)('refuses the %s %o that a hook assigns', async (member, value) => {
    const router = createRouter()
    let thrown: unknown
    router.useRequestHead((head: RequestHead) => {
      try {
        head[member] = value
      } catch (error) {
        thrown = error
      }
    })
    router.get('/', ({ method, url }) => textResponse(`${method} ${url}`))
    const response = await router.fetch(new Request('http://a.example/'))
    expect(await response.text()).toBe('GET http://a.example/')
    expect(thrown).toBeInstanceOf(TypeError)
  })

  it('works on other hosts, whose requests may be immutable', async () => {
    const router = createRouter()
    router.useRequestHead((head) => {
      head.method = 'PUT'
      head.url = '/b?x=1#y'
      head.headers.set('x-a', 'b')
    })
    router.put('/b', async (request) =>
      textResponse(`${request.url} ${request.headers.get('x-a')} ${await request.text()}`),
    )
    const request = new Request('http://a.example/a', { method: 'POST', body: 'content' })
    expect(await (await router.fetch(request)).text()).toBe('http://a.example/b?x=1 b content')
    expect(request.headers.has('x-a')).toBe(false)
  })

  it('frames the answer by the method that the client sent', async () => {
    const router = createRouter()
    router.useRequestHead((head) => {
      head.method = 'GET'
    })
    router.get('/', () => textResponse('content'))
    const server = await serving({ fetch: router.fetch })
    const received = await rawExchange(server.port, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*content-length: 7\r\n[^]*\r\n\r\n$/i)
  })
})
