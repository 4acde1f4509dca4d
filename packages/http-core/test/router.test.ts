import { describe, expect, expectTypeOf, it } from 'vitest'
import { HttpError, createRouter, int, oneOf, raw, route, textResponse } from '../src/index.ts'
import type { Middleware, RouteError } from '../src/index.ts'

const request = (path: string, init?: RequestInit): Request => new Request(`http://a.example${path}`, init)

describe('routes', () => {
  it('type their parameters from the pattern, and from codecs', async () => {
    const router = createRouter()
    const item = route('/rooms/:room/items/:n/**:rest', { n: int })
    router.get(item, (_request, { params }) => {
      expectTypeOf(params).toEqualTypeOf<{
        readonly room: string
        readonly n: number
        readonly rest: string
      }>()
      return Response.json(params)
    })
    const response = await router.fetch(request('/rooms/a%20b/items/-7/x/y%2Fz'))
    expect(await response.json()).toEqual({ room: 'a b', n: -7, rest: 'x/y/z' })
  })

  it.each(['constructor', 'toString'] as const)('may name a parameter %s', async (name) => {
    const router = createRouter()
    router.get(`/teams/:${name}`, (_request, { params }) => textResponse(params[name]))
    expect(await (await router.fetch(request('/teams/a%20b'))).text()).toBe('a b')
    expect(route(`/teams/:${name}`).url({ [name]: 'a b' } as never)).toBe('/teams/a%20b')
  })

  it('do not match what a codec refuses, so that another route can', async () => {
    const router = createRouter()
    router.get(route('/:id', { id: int }), () => textResponse('number'))
    router.get('/:name', () => textResponse('name'))
    expect(await (await router.fetch(request('/7'))).text()).toBe('number')
    expect(await (await router.fetch(request('/7a'))).text()).toBe('name')
  })

  it('answer 404 for an integer that is not a safe one', async () => {
    const router = createRouter()
    router.get(route('/:id', { id: int }), () => textResponse('number'))
    expect((await router.fetch(request('/99999999999999999999'))).status).toBe(404)
  })

  it('take one of a few words by oneOf', async () => {
    const router = createRouter()
    router.get(route('/:what', { what: oneOf('events', 'a.b*') }), (_request, { params }) => {
      expectTypeOf(params.what).toEqualTypeOf<'events' | 'a.b*'>()
      return textResponse(params.what)
    })
    expect(await (await router.fetch(request('/events'))).text()).toBe('events')
    expect(await (await router.fetch(request('/a.b*'))).text()).toBe('a.b*')
    expect((await router.fetch(request('/axb'))).status).toBe(404)
  })

  it('give a parameter decoded, or as it stands with raw', async () => {
    const router = createRouter()
    router.get(route('/raw/:x', { x: raw }), (_request, { params }) => textResponse(params.x))
    router.get('/:x', (_request, { params }) => textResponse(params.x))
    expect(await (await router.fetch(request('/%C3%A9%2F'))).text()).toBe('é/')
    expect(await (await router.fetch(request('/raw/%C3%A9'))).text()).toBe('%C3%A9')
  })

  it.each(['/%', '/%zz', '/a/%f', '/%ff'])('answer 400 for the malformed encoding of %s', async (path) => {
    const router = createRouter()
    router.get('/:x', () => textResponse('x'))
    router.get('/a/:x', () => textResponse('x'))
    expect((await router.fetch(request(path))).status).toBe(400)
  })

  it('prefer exact segments to parameters, and parameters to the rest', async () => {
    const router = createRouter()
    router.get('/**:rest', () => textResponse('rest'))
    router.get('/:a', () => textResponse('param'))
    router.get('/exact', () => textResponse('exact'))
    const answers = await Promise.all(
      ['/exact', '/other', '/x/y'].map(async (path) => (await router.fetch(request(path))).text()),
    )
    expect(answers).toEqual(['exact', 'param', 'rest'])
  })

  it('override earlier ones of the same shape, whatever their parameters are called', async () => {
    const router = createRouter()
    router.get('/rooms/:id', () => textResponse('first'))
    router.get('/rooms/:name', (_request, { params }) => textResponse(`second ${params.name}`))
    expect(await (await router.fetch(request('/rooms/x'))).text()).toBe('second x')
    expect(router.routes.map(String)).toEqual(['GET /rooms/:name'])
    router.get('/rooms/:name', () => textResponse('third'))
    expect(await (await router.fetch(request('/rooms/x'))).text()).toBe('third')
  })

  it('of equal rank but different constraints: the latest one that matches wins', async () => {
    const router = createRouter()
    router.get(route('/:a', { a: { ...int, pattern: '[0-9]+' } }), () => textResponse('first'))
    router.get(route('/:b', { b: int }), () => textResponse('second'))
    expect(await (await router.fetch(request('/7'))).text()).toBe('second')
    router.get(route('/:a', { a: { ...int, pattern: '[0-9]+' } }), () => textResponse('again the first'))
    expect(await (await router.fetch(request('/7'))).text()).toBe('again the first')
  })

  describe("with precedence: 'latest'", () => {
    it('override every earlier one that matches, however specific it is', async () => {
      const router = createRouter({ precedence: 'latest' })
      const bodyOf = async (path: string, method = 'GET'): Promise<string> =>
        (await router.fetch(request(path, { method }))).text()
      router.get('/admin/users', () => textResponse('users'))
      router.get('/admin/:what', (_request, { params }) => textResponse(`what ${params.what}`))
      expect(await bodyOf('/admin/users')).toBe('what users')
      router.all('/admin/**', () => textResponse('closed'))
      expect(await bodyOf('/admin/users')).toBe('closed')
      expect(await bodyOf('/admin/users', 'DELETE')).toBe('closed')
      router.get('/admin/users', () => textResponse('users again'))
      expect(await bodyOf('/admin/users')).toBe('users again')
      expect(await bodyOf('/admin/users', 'DELETE')).toBe('closed')
      expect(await bodyOf('/admin/a/b')).toBe('closed')
    })

    it('leave to earlier ones what they do not match, and HEAD to a route of its own', async () => {
      const router = createRouter({ precedence: 'latest' })
      router.head('/:name', () => new Response(null, { headers: { by: 'head' } }))
      router.get('/:name', () => new Response(null, { headers: { by: 'get' } }))
      router.get(route('/:id', { id: int }), () => new Response(null, { headers: { by: 'id' } }))
      const by = async (path: string, method = 'GET'): Promise<string | null> =>
        (await router.fetch(request(path, { method }))).headers.get('by')
      expect(await by('/a')).toBe('get')
      expect(await by('/7')).toBe('id')
      expect(await by('/7', 'HEAD')).toBe('head')
      expect((await router.fetch(request('/7', { method: 'PUT' }))).status).toBe(405)
    })

    it('is one of two policies', () => {
      expect(() => createRouter({ precedence: 'first' as never })).toThrow(
        "precedence: expected 'most-specific' or 'latest', got \"first\"",
      )
    })
  })

  it('match an empty rest of the path with **:name?, and build the URL back', async () => {
    const files = route('/files/**:path?')
    const router = createRouter()
    router.get(files, (_request, { params }) => {
      expectTypeOf(params).toEqualTypeOf<{ readonly path: string }>()
      return textResponse(`<${params.path}>`)
    })
    const bodyOf = async (path: string): Promise<string> => (await router.fetch(request(path))).text()
    expect(await bodyOf('/files')).toBe('<>')
    expect(await bodyOf('/files/')).toBe('<>')
    expect(await bodyOf('/files/a/b%20c')).toBe('<a/b c>')
    expect((await router.fetch(request('/filesystem'))).status).toBe(404)
    expect(files.url({ path: '' })).toBe('/files')
    expect(files.url({ path: 'a/b c' })).toBe('/files/a/b%20c')
    expect(route('/**:path?').url({ path: '' })).toBe('/')
    expect(String(files)).toBe('/files/**:path?')
    router.get('/files/**', () => textResponse('later'))
    expect(await bodyOf('/files/a')).toBe('later')
    expect(() => route('/**:path?/x')).toThrow('at the end')
  })

  it('ignore one trailing slash', async () => {
    const router = createRouter()
    router.get('/a/', () => textResponse('a'))
    expect((await router.fetch(request('/a'))).status).toBe(200)
    expect((await router.fetch(request('/a/'))).status).toBe(200)
    expect((await router.fetch(request('/a//'))).status).toBe(404)
  })

  it('know nothing of the query', async () => {
    const router = createRouter()
    router.get('/a', (given) => textResponse(new URL(given.url).searchParams.get('q') ?? ''))
    expect(await (await router.fetch(request('/a?q=/b'))).text()).toBe('/b')
    router.get('/', () => textResponse('root'))
    expect(await (await router.fetch(new Request('http://a.example?x'))).text()).toBe('root')
  })

  it('match everything below, and the path itself, with **', async () => {
    const router = createRouter()
    router.get('/api/:v/**', (_request, { params }) => Response.json(params))
    expect(await (await router.fetch(request('/api/1'))).json()).toEqual({ v: '1' })
    expect(await (await router.fetch(request('/api/1/x/y'))).json()).toEqual({ v: '1' })
  })

  it('print themselves', () => {
    const router = createRouter()
    router.get('/', () => textResponse('x'))
    router.query(route('/rooms/:room/:n/**:rest', { n: int }), () => textResponse('x'))
    router.all('/api/**', () => textResponse('x'))
    expect(String(router)).toBe('GET /\nQUERY /rooms/:room/:n<int>/**:rest\nANY /api/**')
  })

  it.each([
    ['rooms', 'must begin with a slash'],
    ['/:', 'parameter name'],
    ['/:a-b', 'parameter name'],
    ['/:a/:a', 'the parameter a twice'],
    ['/**:rest/x', 'at the end'],
    ['/a//b', 'empty segment'],
    ['/a/../b', 'dot segment'],
    ['/a*', 'exact text'],
    ['/:id(\\d+)', 'parameter name'],
    ['/a?', 'exact text'],
  ])('refuse the pattern %s', (pattern, reason) => {
    expect(() => route(pattern)).toThrow(
      expect.objectContaining({
        code: 'invalid-pattern',
        message: expect.stringContaining(reason) as string,
      }),
    )
  })

  it('refuse a codec for a parameter that the pattern lacks', () => {
    // @ts-expect-error -- the types refuse it, too
    expect(() => route('/:a', { b: int })).toThrow(/codec for b/)
  })
})

describe('route.url', () => {
  const items = route('/rooms/:room/:n/**:rest', { n: int })

  it('builds the path back, encoded', () => {
    expect(items.url({ room: 'a b/c', n: 7, rest: 'x y/z' })).toBe('/rooms/a%20b%2Fc/7/x%20y/z')
    expect(route('/').url({})).toBe('/')
  })

  it('builds what the route matches', async () => {
    const router = createRouter()
    router.get(items, (_request, { params }) => Response.json(params))
    const params = { room: 'ä?#%', n: -3, rest: 'a/b c' }
    const response = await router.fetch(request(items.url(params)))
    expect(await response.json()).toEqual(params)
  })

  it.each<[Record<string, unknown>, RouteError['code']]>([
    [{ room: 'a', n: 1 }, 'missing-param'],
    [{ room: '', n: 1, rest: 'x' }, 'invalid-param'],
    [{ room: '..', n: 1, rest: 'x' }, 'invalid-param'],
    [{ room: 'a', n: 1.5, rest: 'x' }, 'invalid-param'],
    [{ room: 'a', n: 1, rest: '../x' }, 'invalid-param'],
    [{ room: 'a', n: 1, rest: 'x//y' }, 'invalid-param'],
  ])('refuses %j', (params, code) => {
    expect(() => items.url(params as Parameters<typeof items.url>[0])).toThrow(
      expect.objectContaining({ code }),
    )
  })
})

describe('methods', () => {
  it('answer 405 with Allow for a path that has other methods', async () => {
    const router = createRouter()
    router.get('/a', () => textResponse('x'))
    router.post('/a', () => textResponse('x'))
    router.put('/:any', () => textResponse('x'))
    const response = await router.fetch(request('/a', { method: 'DELETE' }))
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST, PUT, OPTIONS')
  })

  it('fall through to a less specific route that has the method', async () => {
    const router = createRouter()
    router.post('/special', () => textResponse('post'))
    router.get('/:any', () => textResponse('get'))
    expect(await (await router.fetch(request('/special'))).text()).toBe('get')
  })

  it('answer HEAD by the GET route, unless there is one for HEAD', async () => {
    const router = createRouter()
    router.get('/a', (given) => textResponse(`get as ${given.method}`))
    router.head('/b', () => new Response(null, { headers: { 'x-own': 'yes' } }))
    router.get('/b', () => textResponse('get'))
    router.all('/**', () => textResponse('all'))
    expect(await (await router.fetch(request('/a', { method: 'HEAD' }))).text()).toBe('get as HEAD')
    const own = await router.fetch(request('/b', { method: 'HEAD' }))
    expect(own.headers.get('x-own')).toBe('yes')
  })

  it('answer OPTIONS with 204 and Allow', async () => {
    const router = createRouter()
    router.get('/a', () => textResponse('x'))
    const response = await router.fetch(request('/a', { method: 'OPTIONS' }))
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS'])
    expect((await router.fetch(request('/b', { method: 'OPTIONS' }))).status).toBe(404)
  })

  it('leave OPTIONS to a route of its own', async () => {
    const router = createRouter()
    router.get('/a', () => textResponse('x'))
    router.options('/a', () => textResponse('own'))
    expect(await (await router.fetch(request('/a', { method: 'OPTIONS' }))).text()).toBe('own')
  })

  it('may be any token', async () => {
    const router = createRouter()
    router.on('PROPFIND', '/a', () => textResponse('found'))
    router.query('/a', async (given) => textResponse(await given.text()))
    expect(await (await router.fetch(request('/a', { method: 'PROPFIND' }))).text()).toBe('found')
    expect(await (await router.fetch(request('/a', { method: 'QUERY', body: 'q' }))).text()).toBe('q')
    expect(() => router.on('A B', '/a', () => textResponse(''))).toThrow(
      expect.objectContaining({ code: 'invalid-method' }),
    )
  })

  it('refuse what is no handler, at the call', () => {
    const router = createRouter()
    const expected = expect.objectContaining({ code: 'invalid-option', option: 'handler' })
    expect(() => router.get('/a', undefined as never)).toThrow(expected)
    expect(() => router.fallback(textResponse('') as never)).toThrow(expected)
  })

  it('prefer a route for the method to one for all, also a later one', async () => {
    const router = createRouter()
    router.get('/a', () => textResponse('get'))
    router.all('/a', () => textResponse('all'))
    expect(await (await router.fetch(request('/a'))).text()).toBe('get')
    expect(await (await router.fetch(request('/a', { method: 'POST' }))).text()).toBe('all')
  })
})

describe('what matches nothing', () => {
  it('answers 404, or goes to the latest fallback', async () => {
    const router = createRouter()
    expect((await router.fetch(request('/x'))).status).toBe(404)
    router.fallback(() => textResponse('first'))
    router.fallback((given) => textResponse(`fallback ${new URL(given.url).pathname}`))
    expect(await (await router.fetch(request('/x'))).text()).toBe('fallback /x')
  })
})

describe('middleware', () => {
  const tracing =
    (name: string, trace: string[]): Middleware =>
    (next) =>
    async (given, context) => {
      trace.push(`>${name}`)
      const response = await next(given, context)
      trace.push(`<${name}`)
      return response
    }

  it('stands in stages: encoding outermost, then ascending; global outside of the route within a stage', async () => {
    const trace: string[] = []
    const router = createRouter()
    router.use(tracing('2', trace), { stage: 2 })
    router.use(tracing('1', trace))
    router.use(tracing('1b', trace), { stage: 1 })
    router.get('/a', () => textResponse('x'), {
      middleware: [
        tracing('route 1', trace),
        { middleware: tracing('route encoding', trace), stage: 'encoding' },
      ],
    })
    router.use(tracing('encoding', trace), { stage: 'encoding' })
    await router.fetch(request('/a'))
    expect(trace.slice(0, 6)).toEqual(['>encoding', '>route encoding', '>1', '>1b', '>route 1', '>2'])
    expect(trace.slice(6)).toEqual(['<2', '<route 1', '<1b', '<1', '<route encoding', '<encoding'])
  })

  it.each([0, -1, 1.5, Number.NaN])('cannot stand in stage %s', (stage) => {
    const router = createRouter()
    expect(() => {
      router.use((next) => next, { stage })
    }).toThrow(expect.objectContaining({ code: 'invalid-stage', value: stage }))
  })

  it('surrounds 404, 405, 400, OPTIONS and the fallback', async () => {
    const trace: string[] = []
    const router = createRouter()
    router.use(tracing('m', trace))
    router.get('/a/:x', () => textResponse('x'))
    const answers = await Promise.all([
      router.fetch(request('/nowhere')),
      router.fetch(request('/a/x', { method: 'POST' })),
      router.fetch(request('/a/%zz')),
      router.fetch(request('/a/x', { method: 'OPTIONS' })),
    ])
    expect(answers.map((answer) => answer.status)).toEqual([404, 405, 400, 204])
    expect(trace.filter((step) => step === '<m')).toHaveLength(4)
  })

  it('is put together once, not for each request', async () => {
    let made = 0
    const router = createRouter()
    router.use((next) => {
      made += 1
      return next
    })
    router.get('/a', () => textResponse('x'))
    await router.fetch(request('/a'))
    const before = made
    await router.fetch(request('/a'))
    await router.fetch(request('/nowhere'))
    expect(made).toBe(before)
  })

  it('sees an HttpError of the handler as a response, thrown or rejected', async () => {
    const seen: number[] = []
    const router = createRouter()
    router.use((next) => async (given, context) => {
      const response = await next(given, context)
      seen.push(response.status)
      return response
    })
    router.get('/sync', () => {
      throw new HttpError(403, 'no')
    })
    router.get('/async', async () => {
      await Promise.resolve()
      throw new HttpError(409, 'no', { headers: { 'x-why': 'so' } })
    })
    expect((await router.fetch(request('/sync'))).status).toBe(403)
    const response = await router.fetch(request('/async'))
    expect([response.status, await response.text(), response.headers.get('x-why')]).toEqual([409, 'no', 'so'])
    expect(seen).toEqual([403, 409])
  })

  it('may throw an HttpError itself; any other error is passed on', async () => {
    const router = createRouter()
    router.use(() => () => {
      throw new HttpError(418)
    })
    expect((await router.fetch(request('/x'))).status).toBe(418)
    const broken = createRouter()
    broken.get('/sync', () => {
      throw new Error('boom')
    })
    broken.get('/async', () => Promise.reject(new Error('boom')))
    expect(() => broken.fetch(request('/sync'))).toThrow('boom')
    await expect(broken.fetch(request('/async'))).rejects.toThrow('boom')
  })
})

describe('useHead', () => {
  it('sees and changes the fields of every response, in order, also immutable ones', async () => {
    const router = createRouter()
    router.useHead((head, given, { route: matched }) => {
      head.headers.set('x-status', `${head.status} ${given.method} ${String(matched)}`)
    })
    router.useHead((head) => {
      head.headers.append('x-status', 'twice')
    })
    router.get('/redirect', () => Response.redirect('http://b.example/', 302))
    router.get('/text', async () => textResponse('x'))
    expect((await router.fetch(request('/text'))).headers.get('x-status')).toBe('200 GET /text, twice')
    const redirect = await router.fetch(request('/redirect'))
    expect(redirect.headers.get('x-status')).toBe('302 GET /redirect, twice')
    expect(redirect.headers.get('location')).toBe('http://b.example/')
    expect((await router.fetch(request('/none'))).headers.get('x-status')).toBe('404 GET undefined, twice')
  })
})

describe('accept', () => {
  it('refuses with a response, at once or later, or lets the handler run', async () => {
    const router = createRouter()
    router.post('/a', () => textResponse('stored'), {
      accept: (given) => {
        if (given.headers.get('x-no') !== null) return new Response(null, { status: 415 })
        return undefined
      },
    })
    router.post('/b', () => textResponse('stored'), {
      accept: async (given) =>
        given.headers.get('x-no') === null ? undefined : new Response(null, { status: 403 }),
    })
    const refused = { method: 'POST', headers: { 'x-no': '1' } }
    expect((await router.fetch(request('/a', refused))).status).toBe(415)
    expect((await router.fetch(request('/b', refused))).status).toBe(403)
    expect((await router.fetch(request('/a', { method: 'POST' }))).status).toBe(200)
    expect((await router.fetch(request('/b', { method: 'POST' }))).status).toBe(200)
  })
})

describe('on another host', () => {
  it('finds what the host passed as the second argument in context.platform', async () => {
    const router = createRouter()
    router.get('/', (_request, { platform, remoteAddress, httpVersion, closing, startTime }) => {
      expect([remoteAddress, httpVersion, closing.aborted]).toEqual([undefined, undefined, false])
      expect(startTime).toBeGreaterThan(0)
      return Response.json(platform)
    })
    expect(await (await router.fetch(request('/'), { key: 'value' })).json()).toEqual({ key: 'value' })
  })
})
