import { setImmediate as nextTurn } from 'node:timers/promises'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import { Agent } from 'undici'
import { describe, expect, it } from 'vitest'
import { createEventSource, EventSource } from '../src/index.ts'
import type { EventSourceClient, EventSourceOptions } from '../src/index.ts'
import { createMemoryServer } from './memory-transport.ts'

/** The stream's end, and how often its transport was asked. */
async function endOf(
  url: string | (() => string),
  options: EventSourceOptions,
): Promise<{ reason: string; code: unknown; message: unknown }> {
  const client: EventSourceClient = createEventSource(url, {
    reconnection: { baseDelayMs: 0, minDelayMs: 0 },
    ...options,
  })
  client.onAny(() => {})
  const reason = await client.closed
  const { cause } = client.status as { cause?: { code: string; message: string } }
  return { reason, code: cause?.code, message: cause?.message }
}

const streamHead = { 'content-type': 'text/event-stream' }
const fetchOf = (body: unknown) => (): Promise<Response> =>
  Promise.resolve({ ok: true, status: 200, headers: new Headers(streamHead), url: '', body } as Response)
const fetchGiving = (given: unknown) => (): Promise<Response> => Promise.resolve(given as Response)
const lockedStream = (): ReadableStream => {
  const stream = new ReadableStream()
  stream.getReader()
  return stream
}
const realFetch: NonNullable<EventSourceOptions['fetch']> = (url, init) => globalThis.fetch(url, init)

describe('a request that cannot succeed is not repeated', () => {
  it.each<[name: string, url: string | (() => string), options: EventSourceOptions, code: string]>([
    ['ftp: with fetch', 'ftp://test/', { fetch: realFetch }, 'unsupported-url'],
    ['ws: with fetch', 'ws://test/', { fetch: realFetch }, 'unsupported-url'],
    ['file: with fetch', 'file:///x', { fetch: realFetch }, 'unsupported-url'],
    ['ftp: with undici', 'ftp://test/', {}, 'unsupported-url'],
    ['a URL of a function that does not parse', () => 'http://', {}, 'invalid-request'],
    [
      'a function that returns invalid fields',
      'http://test/',
      { headers: () => ({ 'a b': '' }) },
      'invalid-request',
    ],
    [
      'a function that returns an invalid method',
      'http://test/',
      { method: () => 5 as never },
      'invalid-request',
    ],
    ['a GET with a body, with fetch', 'http://test/', { fetch: realFetch, body: 'x' }, 'invalid-request'],
    ['a password in the URL, with fetch', 'http://a:b@test/', { fetch: realFetch }, 'invalid-request'],
    [
      'a fetch without body (React Native)',
      'http://test/',
      { fetch: fetchOf(undefined) },
      'unsupported-transport',
    ],
    [
      'a fetch with a stream of Node',
      'http://test/',
      { fetch: fetchOf({ pipe() {} }) },
      'unsupported-transport',
    ],
    ['about: with fetch', 'about:blank', { fetch: realFetch }, 'unsupported-url'],
    ['data: with undici', 'data:text/event-stream,data:%20x%0A%0A', {}, 'unsupported-url'],
    [
      'a fetch that gives nothing',
      'http://test/',
      { fetch: fetchGiving(undefined) },
      'unsupported-transport',
    ],
    [
      'a fetch that gives the body alone',
      'http://test/',
      { fetch: fetchGiving('data: x\n\n') },
      'unsupported-transport',
    ],
    [
      'a fetch whose response is being read',
      'http://test/',
      {
        fetch: () => {
          const response = new Response('data: x\n\n', { headers: streamHead })
          response.body?.getReader()
          return Promise.resolve(response)
        },
      },
      'unsupported-transport',
    ],
    [
      'a fetch whose response has been read',
      'http://test/',
      {
        fetch: async () => {
          const response = new Response('data: x\n\n', { headers: streamHead })
          await response.text()
          return response
        },
      },
      'unsupported-transport',
    ],
    [
      'a fetch with a stream of strings',
      'http://test/',
      { fetch: fetchOf(new ReadableStream({ start: (stream) => stream.enqueue('data: x\n\n') })) },
      'unsupported-transport',
    ],
    ...(
      [
        ['a field that undici cannot send', { headers: () => ({ expect: '100-continue' }) }],
        ['a method that is no token', { method: () => 'A B' }],
        ['the method CONNECT', { method: () => 'CONNECT' }],
        ['a field of the framing', { headers: () => ({ 'transfer-encoding': 'chunked' }) }],
        ['a body that is being read', { method: () => 'POST', body: lockedStream }],
        ['a body that is no body', { method: () => 'POST', body: () => Symbol('x') as never }],
      ] satisfies [name: string, options: EventSourceOptions][]
    ).map(([name, options]): [string, string, EventSourceOptions, string] => [
      name,
      'http://127.0.0.1:9/',
      options,
      'invalid-request',
    ]),
    [
      'a body that is being read, with fetch',
      'http://test/',
      { method: () => 'POST', body: lockedStream, fetch: realFetch },
      'invalid-request',
    ],
    [
      'a dispatcher of undici 6',
      'http://test/',
      {
        dispatcher: {
          dispatch(_options, handler) {
            if (!('onError' in handler))
              throw Object.assign(new Error('invalid onError method'), { code: 'UND_ERR_INVALID_ARG' })
            return true
          },
        },
      },
      'unsupported-transport',
    ],
  ])('%s closes at once, with an error that says what to do', async (_name, url, options, code) => {
    expect(await endOf(url, options)).toMatchObject({
      reason: 'error',
      code,
      message: expect.stringMatching(/.{15}/),
    })
  })

  it('a dispatcher that is closed closes at once', async () => {
    const dispatcher = new Agent()
    await dispatcher.close()
    expect(await endOf('http://127.0.0.1:9/', { dispatcher })).toMatchObject({
      reason: 'error',
      code: 'unsupported-transport',
    })
  })

  it('EventSource fails the connection to an unsupported URL, too', async () => {
    const source = new EventSource('ftp://test/', { fetch: realFetch })
    const error = await new Promise((resolve) => {
      source.addEventListener('error', (event) => resolve(event.error))
    })
    expect([source.readyState, error]).toMatchObject([2, { code: 'unsupported-url' }])
  })
})

describe('a request that may succeed is repeated', () => {
  it.each(['url', 'headers', 'body', 'method'] as const)(
    'a request function for %s that throws is called again, since it may succeed next time',
    async (name) => {
      const server = createMemoryServer()
      let asked = 0
      const given = { url: 'http://test/', headers: {}, body: undefined, method: 'GET' }[name]
      const give = (): never => {
        asked += 1
        if (asked < 3) throw new Error('the token service is away')
        return given as never
      }
      const client = createEventSource(name === 'url' ? give : 'http://test/', {
        transport: server.transport,
        reconnection: { baseDelayMs: 0, minDelayMs: 0 },
        reconnect: 'always',
        ...(name !== 'url' && { [name]: give }),
      })
      await expect.poll(() => server.exchanges.length).toBe(1)
      expect(asked).toBe(3)
      client.close()
    },
  )
})

describe('unusual inputs work', () => {
  it('an id may have any length', async () => {
    const server = createMemoryServer()
    const lastEventId = 'é'.repeat(300_000)
    const client = createEventSource('http://test/', { transport: server.transport, lastEventId })
    await expect.poll(() => server.exchanges.length).toBe(1)
    const sent = server.last.request.headers.get('last-event-id') ?? ''
    expect(Buffer.from(sent, 'latin1').toString()).toBe(lastEventId)
    client.close()
  })

  it('an AbortSignal may lack throwIfAborted, as in React Native', async () => {
    const descriptor = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'throwIfAborted') ?? {}
    Reflect.deleteProperty(AbortSignal.prototype, 'throwIfAborted')
    try {
      const server = createMemoryServer()
      const client = createEventSource('http://test/', { transport: server.transport })
      await expect.poll(() => server.exchanges.length).toBe(1)
      client.close()
    } finally {
      Object.defineProperty(AbortSignal.prototype, 'throwIfAborted', descriptor)
    }
  })

  it('a custom fetch keeps Accept and Last-Event-ID when it spreads the headers it is given', async () => {
    let sent: unknown
    const client = createEventSource('http://test/', {
      lastEventId: '7',
      fetch: (url, init) => {
        const headers = { ...(init.headers as Record<string, string>), authorization: 'Bearer x' }
        sent = { url, headers }
        return Promise.resolve(new Response(new ReadableStream(), { headers: streamHead }))
      },
    })
    await expect.poll(() => client.status.state).toBe('open')
    expect(sent).toEqual({
      url: 'http://test/',
      headers: { accept: 'text/event-stream', 'last-event-id': '7', authorization: 'Bearer x' },
    })
    client.close()
  })

  it('a refusal whose body a custom fetch has read is still a refusal, and its credentials are renewed', async () => {
    const asked: number[] = []
    const ended = endOf('http://test/', {
      fetch: async () => {
        const response = new Response('no', { status: 401 })
        await response.text()
        return response
      },
      onUnauthorized: ({ status }) => void asked.push(status),
    })
    expect([await ended, asked]).toEqual([
      expect.objectContaining({ reason: 'refused', code: 'status' }),
      [401],
    ])
  })

  it('a 204 from a fetch without body streams is a 204', async () => {
    const fetch = (): Promise<Response> =>
      Promise.resolve({ ok: true, status: 204, headers: new Headers(), url: '' } as Response)
    expect(await endOf('http://test/', { fetch })).toMatchObject({ reason: 'no-content' })
  })

  it('close() cancels the body if a custom fetch does not pass the signal on', async () => {
    let isCancelled = false
    const client = createEventSource('http://test/', {
      fetch: () => {
        const body = new ReadableStream({ cancel: () => void (isCancelled = true) })
        return Promise.resolve(new Response(body, { headers: streamHead }))
      },
    })
    await expect.poll(() => client.status.state).toBe('open')
    client.close()
    await expect.poll(() => isCancelled).toBe(true)
  })

  it('the client does not pass default values to fetch, since Cloudflare Workers reject the member credentials', async () => {
    const inits: RequestInit[] = []
    for (const credentials of [undefined, 'same-origin', 'include'] as const) {
      const client = createEventSource('http://test/', {
        credentials,
        fetch: (_url, init) => {
          inits.push(init)
          return new Promise(() => {})
        },
      })
      await nextTurn()
      client.close()
    }
    expect(inits.map((init) => 'credentials' in init)).toEqual([false, false, true])
  })

  it('a response with more codings than Node decodes does not end the process', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      const gzip = Array(6).fill('gzip').join(', ')
      await exchange.respond({
        status: 200,
        headers: { 'content-type': 'text/event-stream', 'content-encoding': gzip },
        body: 'x',
      })
    })
    const client = createEventSource(server.url, {
      fetch: realFetch,
      reconnection: { maxAttempts: 1, baseDelayMs: 0, minDelayMs: 0 },
    })
    client.onAny(() => {})
    expect(await client.closed).toBe('gave-up')
    // It would be thrown in a later task.
    await nextTurn()
  })

  it('a refusal from a fetch without a body is a refusal', async () => {
    const fetch = (): Promise<Response> =>
      Promise.resolve({ ok: false, status: 404, headers: new Headers(), url: '' } as Response)
    expect(await endOf('http://test/', { fetch })).toMatchObject({ reason: 'refused', code: 'status' })
  })

  it('the error for a refusal names the URL, what was expected and what arrived', async () => {
    const server = createMemoryServer()
    const ended = endOf('http://test/path', { transport: server.transport })
    await nextTurn()
    server.last.respond(404, { 'content-type': 'text/html' })
    server.last.end()
    expect(await ended).toMatchObject({
      message: 'http://test/path: expected status 200, got 404 (see the body)',
    })
  })

  it("the status has the response's header fields while the stream is open", async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', { transport: server.transport })
    await nextTurn()
    server.last.respond(200, { ...streamHead, 'x-session': '7' })
    expect(client.status.state === 'open' && client.status.headers.get('x-session')).toBe('7')
    client.close()
  })

  it('the attributes of EventSource are enumerable, as by Web IDL', () => {
    const names: string[] = []
    for (const name in EventSource.prototype) names.push(name)
    expect(names).toEqual(
      expect.arrayContaining([
        'url',
        'withCredentials',
        'readyState',
        'close',
        'onopen',
        'onmessage',
        'onerror',
      ]),
    )
  })

  it('EventSource takes more than ten listeners without a warning from Node', async () => {
    const warnings: string[] = []
    const record = ({ name }: Error): void => void warnings.push(name)
    process.on('warning', record)
    const source = new EventSource('http://test/', { transport: createMemoryServer().transport })
    for (let n = 0; n < 30; n += 1) source.addEventListener('message', () => n)
    await nextTurn()
    await nextTurn()
    source.close()
    process.off('warning', record)
    expect(warnings).toEqual([])
  })
})
