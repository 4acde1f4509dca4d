import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { HttpError, createRouter, textResponse } from '../src/index.ts'
import type { Middleware, Router } from '../src/index.ts'
import { channel } from '../src/node/web-socket/index.ts'
import type {
  Channel,
  ChannelCloseStatus,
  ChannelHooks,
  ChannelOptions,
} from '../src/node/web-socket/index.ts'
import { testOnly } from './certificates.ts'
import { rawClient } from './raw-client.ts'
import { carrying, recordingSource } from './recording-source.ts'
import { eventually, recordingLogger, serving, turns } from './serving.ts'

// What `init` took is given back by `close`: every `init` that returned gets exactly one, whatever becomes of the request.

const CRLF = '\r\n'
const HANDSHAKE = {
  Host: 'a.example',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

interface Taken {
  readonly hooks: ChannelHooks
  inits: number
  readonly channels: Channel[]
  readonly closes: ChannelCloseStatus[]
}

/** Hooks that count; `init` counts once the given one has returned. */
function counting(hooks: ChannelHooks = {}): Taken {
  const taken: Taken = {
    inits: 0,
    channels: [],
    closes: [],
    hooks: {
      ...hooks,
      init(opened) {
        hooks.init?.(opened)
        taken.inits += 1
        taken.channels.push(opened)
      },
      close(opened, status) {
        taken.closes.push(status)
        hooks.close?.(opened, status)
      },
    },
  }
  return taken
}

function head(fields: Readonly<Record<string, string | undefined>>, line = 'GET / HTTP/1.1'): string {
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined)
  return [line, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join(CRLF)
}

function routing(taken: Taken, options: ChannelOptions, ...middlewares: readonly Middleware[]): Router {
  const router = createRouter()
  for (const middleware of middlewares) router.use(middleware)
  router.get('/', (request) => channel(request, taken.hooks, options))
  return router
}

const replacing: Middleware = (next) => async (request, context) => {
  await next(request, context)
  return textResponse('refused', { status: 403 })
}
const failing: Middleware = (next) => async (request, context) => {
  await next(request, context)
  throw new Error('boom')
}
const copying: Middleware = (next) => async (request, context) => {
  const { body, status, headers } = await next(request, context)
  return new Response(body, { status, headers })
}
/** Answers before the handler does. */
const hurrying: Middleware = (next) => async (request, context) =>
  Promise.race([next(request, context), turns(5).then(() => textResponse('too late', { status: 504 }))])

describe('init of a WebSocket channel is not called if the handshake cannot succeed', () => {
  it.each<[string, string, Middleware[], status: number]>([
    ['Upgrade without Connection', head({ ...HANDSHAKE, Connection: undefined }), [], 426],
    ['HTTP/1.0', head(HANDSHAKE, 'GET / HTTP/1.0'), [], 426],
    ['a middleware that refuses afterwards', head(HANDSHAKE), [replacing], 403],
    ['a middleware that fails afterwards', head(HANDSHAKE), [failing], 500],
    ['a middleware that makes another response of it', head(HANDSHAKE), [copying], 426],
    ['HEAD', head(HANDSHAKE, 'HEAD / HTTP/1.1'), [], 400],
    ['an invalid key', head({ ...HANDSHAKE, 'Sec-WebSocket-Key': 'x' }), [], 400],
    ['a page of another origin', head({ ...HANDSHAKE, Origin: 'https://evil.example' }), [], 403],
  ])('%s', async (_name, bytes, middlewares, status) => {
    const taken = counting()
    const server = await serving({
      fetch: routing(taken, {}, ...middlewares).fetch,
      logger: recordingLogger(),
    })
    const client = await rawClient(server.port)
    client.send(bytes)
    expect(Number((await client.until(`${CRLF}${CRLF}`)).slice(9, 12))).toBe(status)
    client.destroy()
    await eventually(() => server.activeConnections === 0)
    expect([taken.inits, taken.closes]).toEqual([0, []])
  })

  it('a hook on the fields that fails', async () => {
    const taken = counting()
    const router = routing(taken, {})
    router.useHead(() => {
      throw new Error('boom')
    })
    const server = await serving({ fetch: router.fetch })
    const client = await rawClient(server.port)
    client.send(head(HANDSHAKE))
    expect((await client.closed).slice(9, 12)).toBe('500')
    expect([taken.inits, taken.closes]).toEqual([0, []])
  })

  it('a client that leaves before the handler answers', async () => {
    const taken = counting()
    const answer = Promise.withResolvers<void>()
    const server = await serving({
      fetch: async (request) => {
        await answer.promise
        return channel(request, taken.hooks)
      },
    })
    const client = await rawClient(server.port)
    client.send(head(HANDSHAKE))
    await eventually(() => server.requestsInFlight === 1)
    client.socket.resetAndDestroy()
    await eventually(() => server.activeConnections === 0)
    answer.resolve()
    await eventually(() => server.requestsInFlight === 0)
    await turns(3)
    expect([taken.inits, taken.closes]).toEqual([0, []])
  })

  it('another host', async () => {
    const taken = counting()
    const { Connection: _connection, ...headers } = HANDSHAKE
    const response = await channel(new Request('http://a.example/', { headers }), taken.hooks)
    expect([response.status, taken.inits, taken.closes]).toEqual([426, 0, []])
  })

  it('HTTP/2, where Upgrade is malformed (RFC 9113 section 8.2.2), and a channel is one over HTTP', async () => {
    const taken = counting()
    const server = await serving({ fetch: routing(taken, { accepts: 'websocket' }).fetch, tls: testOnly })
    const session = connectHttp2(`https://localhost:${server.port}`, { ca: testOnly.cert })
    onTestFinished(() => {
      session.destroy()
    })
    const [fields] = (await once(session.request({ ':path': '/' }), 'response')) as [{ ':status': number }]
    expect([fields[':status'], taken.inits, taken.closes]).toEqual([426, 0, []])
  })
})

describe('init of a channel on a WebSocket gets its close', () => {
  const failing400 = {
    ...HANDSHAKE,
    'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=99',
  }

  it.each<[string, ChannelHooks, status: number, ChannelCloseStatus]>([
    ['where the client leaves', {}, 101, 'unknown'],
    ['where open throws', { open: () => expect.fail('boom') }, 101, 'server-close'],
    ['where open closes it', { open: (opened) => void opened.close() }, 101, 'server-close'],
  ])('%s', async (_name, hooks, status, expected) => {
    const taken = counting(hooks)
    const server = await serving({ fetch: routing(taken, {}).fetch })
    const client = await rawClient(server.port)
    client.send(head(HANDSHAKE))
    expect(Number((await client.until(`${CRLF}${CRLF}`)).slice(9, 12))).toBe(status)
    client.destroy()
    await eventually(() => server.activeConnections === 0 && server.requestsInFlight === 0)
    expect([taken.inits, taken.closes]).toEqual([1, [expected]])
  })

  it('where ws refuses the handshake', async () => {
    const taken = counting()
    const server = await serving({ fetch: routing(taken, { compression: 'on' }).fetch })
    const client = await rawClient(server.port)
    client.send(head(failing400))
    expect((await client.closed).slice(9, 12)).toBe('400')
    await eventually(() => server.activeConnections === 0 && server.requestsInFlight === 0)
    expect([taken.inits, taken.closes]).toEqual([1, ['unknown']])
  })

  it('where the connection is lost during init', async () => {
    const taken = counting({ init: () => void server.close({ timeoutMs: 0 }) })
    const server = await serving({ fetch: routing(taken, {}).fetch })
    const client = await rawClient(server.port)
    client.send(head(HANDSHAKE))
    await client.closed
    await server.closed
    await eventually(() => taken.closes.length === 1)
    expect([taken.inits, server.requestsInFlight]).toEqual([1, 0])
  })

  it('but not where it throws, which is the answer', async () => {
    const taken = counting({
      init: () => {
        throw new HttpError(401, 'Sign in first.')
      },
    })
    const server = await serving({ fetch: routing(taken, {}).fetch })
    const client = await rawClient(server.port)
    client.send(head(HANDSHAKE))
    expect(await client.closed).toMatch(/^HTTP\/1\.1 401 [^]*Sign in first\.$/)
    await eventually(() => server.activeConnections === 0 && server.requestsInFlight === 0)
    expect([taken.inits, taken.closes]).toEqual([0, []])
  })
})

describe('init of a channel over HTTP gets its close', () => {
  const streams: ChannelHooks = { open: (opened) => void opened.send('begun', { close: false }) }
  const GET = head({ Host: 'a.example' })
  const source = recordingSource()
  const replacingByEvents: Middleware = (next) => async (request, context) => {
    await next(request, context)
    return carrying(source)
  }

  it.each<[string, ChannelHooks, Middleware[], string, ChannelCloseStatus]>([
    ['where it sends', { open: (opened) => void opened.send('x') }, [], GET, 'server-close'],
    ['where it closes', { open: (opened) => void opened.close() }, [], GET, 'server-close'],
    ['where open throws', { open: () => expect.fail('boom') }, [], GET, 'server-close'],
    ['where the client leaves', streams, [], GET, 'client-close'],
    ['where the client leaves HTTP/1.0', streams, [], head({}, 'GET / HTTP/1.0'), 'client-close'],
    ['for HEAD', streams, [], head({ Host: 'a' }, 'HEAD / HTTP/1.1'), 'server-close'],
    ['where a middleware refuses afterwards', streams, [replacing], GET, 'server-close'],
    ['where a middleware fails afterwards', streams, [failing], GET, 'server-close'],
    ['where a middleware hands its body on', streams, [copying], GET, 'client-close'],
    ['where a middleware answers first', {}, [hurrying], GET, 'server-close'],
    ['where an event stream is sent in its place', streams, [replacingByEvents], GET, 'server-close'],
    [
      'where it answers with a status without content',
      { open: (opened) => void opened.send({ status: 204 }, { close: false }) },
      [],
      GET,
      'server-close',
    ],
  ])('%s', async (_name, hooks, middlewares, bytes, expected) => {
    for (const requests of ['light', 'native'] as const) {
      const taken = counting(hooks)
      const { fetch } = routing(taken, {}, ...middlewares)
      const server = await serving({ fetch, requests, logger: recordingLogger() })
      const client = await rawClient(server.port)
      client.send(bytes)
      await client.until(`${CRLF}${CRLF}`)
      if (expected === 'server-close') await eventually(() => taken.closes.length === 1)
      else client.destroy()
      await eventually(() => taken.closes.length === 1)
      client.destroy()
      await eventually(() => server.activeConnections === 0 && server.requestsInFlight === 0)
      expect([requests, taken.inits, taken.closes]).toEqual([requests, 1, [expected]])
      expect(taken.channels[0]?.send('late')).toBe(false)
    }
  })

  it('over HTTP/2 as well', async () => {
    const taken = counting(streams)
    const server = await serving({ fetch: routing(taken, {}, replacing).fetch, tls: testOnly })
    const session = connectHttp2(`https://localhost:${server.port}`, { ca: testOnly.cert })
    onTestFinished(() => {
      session.destroy()
    })
    await once(session.request({ ':path': '/' }), 'response')
    await eventually(() => taken.closes.length === 1)
    expect([taken.inits, taken.closes]).toEqual([1, ['server-close']])
  })

  it('but not where it throws, also when the client leaves later', async () => {
    const closes: ChannelCloseStatus[] = []
    const server = await serving({
      fetch: async (request) => {
        await channel(request, {
          init: () => {
            throw new HttpError(401)
          },
          close: (_opened, status) => closes.push(status),
        }).catch(() => {})
        return new Response(new ReadableStream())
      },
    })
    const client = await rawClient(server.port)
    client.send(GET)
    await client.until(`${CRLF}${CRLF}`)
    client.destroy()
    await eventually(() => server.activeConnections === 0 && server.requestsInFlight === 0)
    expect(closes).toEqual([])
  })

  it('at once where the request is over before', async () => {
    let opens = 0
    const taken = counting({ open: () => void (opens += 1) })
    const late = Promise.withResolvers<void>()
    let settled = false
    const openLate = async (request: Request): Promise<void> => {
      await late.promise
      void channel(request, taken.hooks)
      settled = true
    }
    const server = await serving({
      fetch: (request) => {
        void openLate(request)
        return textResponse('x')
      },
    })
    const response = await fetch(server.url)
    await response.text()
    late.resolve()
    await eventually(() => settled)
    expect([taken.inits, taken.closes, opens]).toEqual([1, ['server-close'], 0])
  })
})
