import { describe, expect, it } from 'vitest'
import { HttpError, cors, createRouter, textResponse } from '../src/index.ts'
import type { CorsOptions, Router } from '../src/index.ts'

const APP = 'https://app.example'

function corsRouter(options?: CorsOptions): Router {
  const router = createRouter()
  router.use(cors(options))
  router.get(
    '/events',
    () => new Response('data: x\n\n', { headers: { 'content-type': 'text/event-stream' } }),
  )
  router.get('/forbidden', () => {
    throw new HttpError(403)
  })
  return router
}

const get = (path: string, origin?: string): Request =>
  new Request(`http://a.example${path}`, origin === undefined ? {} : { headers: { origin } })

const preflight = (origin: string, fields = 'last-event-id'): Request =>
  new Request('http://a.example/events', {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': fields,
    },
  })

describe('cors', () => {
  it('lets everyone read by default, without credentials and without Vary', async () => {
    const { headers } = await corsRouter().fetch(get('/events', APP))
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    expect(headers.get('access-control-expose-headers')).toBe('retry-after')
    expect(headers.get('vary')).toBeNull()
  })

  it('answers the preflight of a fetch client that sends Last-Event-ID', async () => {
    const response = await corsRouter({ origin: [APP], credentials: 'include', maxAgeSeconds: 60 }).fetch(
      preflight(APP),
    )
    expect(response.status).toBe(204)
    expect(Object.fromEntries(response.headers)).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, QUERY',
      'access-control-allow-headers': 'authorization, cache-control, content-type, last-event-id',
      'access-control-max-age': '60',
      vary: 'Access-Control-Request-Method, Access-Control-Request-Headers, Origin',
    })
  })

  it('names the origin and varies by it where it depends on it', async () => {
    const router = corsRouter({ origin: [APP], credentials: 'include' })
    const allowed = await router.fetch(get('/events', APP))
    expect(allowed.headers.get('access-control-allow-origin')).toBe(APP)
    expect(allowed.headers.get('access-control-allow-credentials')).toBe('true')
    expect(allowed.headers.get('vary')).toBe('Origin')
  })

  it.each(['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'null'])(
    'gives %s nothing, but varies all the same',
    async (origin) => {
      const router = corsRouter({ origin: [APP], credentials: 'include' })
      for (const request of [get('/events', origin), preflight(origin)]) {
        const { headers } = await router.fetch(request)
        expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
        expect(headers.get('vary')).toContain('Origin')
      }
    },
  )

  it('varies also for a request without an Origin: a cache must not give that answer to a page', async () => {
    const { headers } = await corsRouter({ origin: [APP] }).fetch(get('/events'))
    expect(headers.get('vary')).toBe('Origin')
    expect(headers.get('access-control-allow-origin')).toBeNull()
  })

  it('asks a function about the origin', async () => {
    const router = corsRouter({ origin: (origin) => origin.endsWith('.example') })
    expect((await router.fetch(get('/events', APP))).headers.get('access-control-allow-origin')).toBe(APP)
    const other = await router.fetch(get('/events', 'https://app.test'))
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('lets pages read errors, too: HttpErrors, 404, 405', async () => {
    const router = corsRouter()
    const answers = [
      await router.fetch(get('/forbidden', APP)),
      await router.fetch(get('/nowhere', APP)),
      await router.fetch(
        new Request('http://a.example/events', { method: 'POST', headers: { origin: APP } }),
      ),
    ]
    expect(answers.map((answer) => answer.status)).toEqual([403, 404, 405])
    for (const { headers } of answers) expect(headers.get('access-control-allow-origin')).toBe('*')
  })

  it('keeps a Vary that is there, and adds to it once', async () => {
    const router = createRouter()
    router.use(cors({ origin: [APP] }))
    router.get('/a', () => textResponse('x', { headers: { vary: 'accept-encoding, origin' } }))
    router.get('/b', () => textResponse('x', { headers: { vary: '*' } }))
    expect((await router.fetch(get('/a', APP))).headers.get('vary')).toBe('accept-encoding, origin')
    expect((await router.fetch(get('/b', APP))).headers.get('vary')).toBe('*')
  })

  it('answers the preflight of one route when it is the middleware of that route', async () => {
    const router = createRouter()
    router.get('/events', () => textResponse('x'), { middleware: [cors({ origin: [APP] })] })
    router.post('/events', () => textResponse('x'))
    const response = await router.fetch(preflight(APP))
    expect(response.headers.get('access-control-allow-origin')).toBe(APP)
    const forPost = preflight(APP)
    forPost.headers.set('access-control-request-method', 'POST')
    expect((await router.fetch(forPost)).headers.get('access-control-allow-origin')).toBeNull()
  })

  it('leaves an OPTIONS that is no preflight to the handler', async () => {
    const response = await corsRouter().fetch(
      new Request('http://a.example/events', { method: 'OPTIONS', headers: { origin: APP } }),
    )
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
  })

  it('sets the fields of a response whose own are immutable', async () => {
    const router = createRouter()
    router.use(cors())
    router.get('/', () => Response.redirect('http://b.example/'))
    const { headers, status } = await router.fetch(get('/', APP))
    expect([status, headers.get('access-control-allow-origin')]).toEqual([302, '*'])
  })

  it.each<[CorsOptions, string]>([
    [{ credentials: 'include' }, 'origin'],
    [{ origin: ['https://app.example/'] }, 'origin'],
    [{ origin: ['app.example'] }, 'origin'],
    [{ origin: 'https://app.example' as never }, 'origin'],
    [{ origin: ['https://app.example'], credentials: true as never }, 'credentials'],
    [{ maxAgeSeconds: -1 }, 'maxAgeSeconds'],
  ])('refuses the options %j', (options, option) => {
    expect(() => cors(options)).toThrow(expect.objectContaining({ code: 'invalid-option', option }))
  })
})
