import { describe, expect, it } from 'vitest'
import { createRouter, textResponse } from '../src/index.ts'
import { rawClient, rawExchange, statuses } from './raw-client.ts'
import { eventually, recordingLogger, serving, turns } from './serving.ts'

const hello = (): Response => textResponse('hello')
const echo = async (request: Request): Promise<Response> => textResponse(`{${await request.text()}}`)
const head = (first: string, ...fields: string[]): string =>
  [first, 'Host: a', ...fields, '', ''].join('\r\n')
const CLOSE = 'Connection: close'

describe('maxHeaderBytes and maxHeaderFields', () => {
  it('refuse with 431', async () => {
    const server = await serving({
      fetch: hello,
      maxHeaderBytes: 1000,
      maxTargetBytes: 500,
      maxHeaderFields: 10,
    })
    const fields = (count: number): string[] => Array.from({ length: count }, (_, index) => `X-${index}: 1`)
    const send = async (...more: string[]): Promise<number[]> =>
      statuses(await rawExchange(server.port, head('GET / HTTP/1.1', CLOSE, ...more)))
    expect(await send('X-A: '.padEnd(900, 'x'))).toEqual([200])
    expect(await send('X-A: '.padEnd(1100, 'x'))).toEqual([431])
    expect(await send(...fields(8))).toEqual([200])
    expect(await send(...fields(9))).toEqual([431])
  })
})

describe('maxTargetBytes', () => {
  it('refuses with 414, also where the request line alone is more than the header may be', async () => {
    const server = await serving({ fetch: hello, maxHeaderBytes: 1000, maxTargetBytes: 100 })
    const send = async (length: number): Promise<number[]> =>
      statuses(await rawExchange(server.port, head(`GET ${'/'.padEnd(length, 'x')} HTTP/1.1`, CLOSE)))
    expect(await send(100)).toEqual([200])
    expect(await send(101)).toEqual([414])
    expect(await send(5000)).toEqual([414])
  })

  // What the parser gives up, it gives up somewhere in a packet: which line that is must not depend on how they are cut.
  describe.each<[string, string, number]>([
    ['a target', head(`GET ${'/'.padEnd(1500, 'x')} HTTP/1.1`, CLOSE), 414],
    ['a target with a query', head(`GET /?${'a=b:c&'.repeat(300)} HTTP/1.1`, CLOSE), 414],
    ['a field', head('GET / HTTP/1.1', `Cookie: ${'a=b; '.repeat(400)}`), 431],
    [
      'many fields',
      head('GET / HTTP/1.1', ...Array.from({ length: 50 }, () => 'X-Field: a value of some words')),
      431,
    ],
    [
      'a field behind a long target',
      head(`GET ${'/'.padEnd(900, 'x')} HTTP/1.1`, `X: ${'a b'.repeat(50)}`),
      431,
    ],
  ])('%s that is more than maxHeaderBytes', (_name, bytes, status) => {
    const limits = { fetch: () => textResponse('}'), maxHeaderBytes: 1000, maxTargetBytes: 950 }

    it.each([0, 100, 500, 990, bytes.length - 30])(
      `is refused with ${status}, cut at byte %i`,
      async (cut) => {
        const server = await serving(limits)
        const client = await rawClient(server.port)
        client.send(bytes.slice(0, cut))
        await turns(3)
        client.send(bytes.slice(cut))
        expect(statuses(await client.closed)).toEqual([status])
      },
    )

    it(`is refused with ${status} behind another request`, async () => {
      const server = await serving(limits)
      expect(statuses(await rawExchange(server.port, head('GET / HTTP/1.1') + bytes))).toEqual([200, status])
    })
  })
})

describe('maxBodyBytes', () => {
  it('refuses an announced length with 413, before the handler runs', async () => {
    let ran = false
    const server = await serving({
      maxBodyBytes: 10,
      fetch: () => {
        ran = true
        return hello()
      },
    })
    const received = await rawExchange(
      server.port,
      `${head('POST / HTTP/1.1', 'Content-Length: 11')}01234567890`,
    )
    expect([statuses(received), ran]).toEqual([[413], false])
  })

  it('refuses before 100 Continue', async () => {
    const server = await serving({ maxBodyBytes: 10, fetch: echo })
    const received = await rawExchange(
      server.port,
      head('POST / HTTP/1.1', 'Content-Length: 11', 'Expect: 100-continue'),
    )
    expect(statuses(received)).toEqual([413])
  })

  it.each(['light', 'native'] as const)(
    'refuses chunked content with 413 when it grows too large (%s)',
    async (requests) => {
      const server = await serving({ maxBodyBytes: 10, fetch: echo, requests })
      const send = (content: string): Promise<string> =>
        rawExchange(
          server.port,
          `${head('POST / HTTP/1.1', 'Transfer-Encoding: chunked', CLOSE)}${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`,
        )
      expect(await send('0123456789')).toContain('{0123456789}')
      expect(statuses(await send('0123456789a'))).toEqual([413])
    },
  )

  it('lets the handler catch it', async () => {
    const server = await serving({
      maxBodyBytes: 10,
      fetch: async (request) => {
        const error: unknown = await request.text().catch((reason: unknown) => reason)
        return textResponse(String((error as { readonly status?: number }).status), { status: 422 })
      },
    })
    const received = await rawExchange(
      server.port,
      `${head('POST / HTTP/1.1', 'Transfer-Encoding: chunked', CLOSE)}b\r\n0123456789a\r\n0\r\n\r\n`,
    )
    expect(statuses(received)).toEqual([422])
    expect(received).toContain('413')
  })

  it('of 0 allows no content, and requests without any', async () => {
    const server = await serving({ maxBodyBytes: 0, fetch: echo })
    expect(
      statuses(await rawExchange(server.port, head('POST / HTTP/1.1', 'Content-Length: 0', CLOSE))),
    ).toEqual([200])
    expect(
      statuses(await rawExchange(server.port, `${head('POST / HTTP/1.1', 'Content-Length: 1')}x`)),
    ).toEqual([413])
  })

  it('lets a client that is still sending read the 413', async () => {
    const server = await serving({ maxBodyBytes: 10, fetch: echo })
    const client = await rawClient(server.port)
    client.send(head('POST / HTTP/1.1', 'Content-Length: 9000000'))
    for (let sent = 0; sent < 50; sent += 1) client.send(new Uint8Array(10_000))
    expect(statuses(await client.closed)).toEqual([413])
  })
})

describe('content that the handler leaves unread', () => {
  it('is read on for a small one, and the connection lives', async () => {
    const server = await serving({ fetch: hello })
    const client = await rawClient(server.port)
    client.send(head('POST / HTTP/1.1', 'Content-Length: 3'))
    await client.until('hello')
    client.send(`abc${head('GET / HTTP/1.1', CLOSE)}`)
    expect(statuses((await client.closed).replaceAll('hello', '}'))).toEqual([200, 200])
  })

  it('of unknown or large size closes the connection once the client has stopped sending', async () => {
    const server = await serving({ fetch: hello })
    for (const field of ['Transfer-Encoding: chunked', 'Content-Length: 1000000']) {
      const client = await rawClient(server.port)
      client.send(head('POST / HTTP/1.1', field))
      const received = await client.until('hello')
      expect(received).toMatch(/connection: close/i)
      await client.closed
    }
    await eventually(() => server.requestsInFlight === 0)
  })

  it('leaves no timer behind when the client goes away meanwhile', async () => {
    const pending = new Set<object>()
    const server = await serving({
      fetch: hello,
      // Whose timer is another.
      responseStallTimeoutMs: 0,
      bodyIdleTimeoutMs: 0,
      runtime: {
        setTimeout: () => {
          const timer = {}
          pending.add(timer)
          return timer
        },
        clearTimeout: (timer) => {
          pending.delete(timer as object)
        },
      },
    })
    const client = await rawClient(server.port)
    client.send(head('POST / HTTP/1.1', 'Content-Length: 1000000'))
    await client.until('hello')
    expect(pending.size).toBe(1)
    client.destroy()
    await eventually(() => server.activeConnections === 0)
    await eventually(() => pending.size === 0)
  })

  it('that a reader gave up half-way does not block the connection', async () => {
    const server = await serving({
      fetch: async (request) => {
        const reader = request.body?.getReader()
        await reader?.read()
        await reader?.cancel()
        return hello()
      },
    })
    const client = await rawClient(server.port)
    client.send(head('POST / HTTP/1.1', 'Content-Length: 6'))
    client.send('abc')
    await client.until('hello')
    client.send(`def${head('GET / HTTP/1.1', CLOSE)}`)
    expect(statuses((await client.closed).replaceAll('hello', '}'))).toEqual([200, 200])
  })
})

describe('maxRequestsInFlight', () => {
  it('refuses with 503 and Retry-After, and keeps the connection', async () => {
    const answers: PromiseWithResolvers<Response>[] = []
    const server = await serving({
      maxRequestsInFlight: 2,
      retryAfterSeconds: 7,
      fetch: () => {
        const answer = Promise.withResolvers<Response>()
        answers.push(answer)
        return answer.promise
      },
    })
    const first = [fetch(server.url), fetch(server.url)]
    await eventually(() => answers.length === 2)
    const client = await rawClient(server.port)
    client.send(head('GET / HTTP/1.1'))
    const refused = await client.until('Service Unavailable\n')
    expect(refused).toMatch(/^HTTP\/1.1 503 /)
    expect(refused).toMatch(/retry-after: 7\r\n/)
    expect(refused).toMatch(/connection: keep-alive/i)
    for (const answer of answers) answer.resolve(hello())
    await Promise.all(first.map(async (response) => (await response).text()))
    client.send(head('GET / HTTP/1.1', CLOSE))
    await eventually(() => answers.length === 3)
    answers[2]?.resolve(hello())
    expect(await client.closed).toContain('hello')
  })
})

describe('maxPipelinedRequests', () => {
  it('refuses what one connection has in flight beyond it, and no other connection', async () => {
    const answers: PromiseWithResolvers<Response>[] = []
    const server = await serving({
      maxPipelinedRequests: 2,
      fetch: () => {
        const answer = Promise.withResolvers<Response>()
        answers.push(answer)
        return answer.promise
      },
    })
    const [greedy, other] = [await rawClient(server.port), await rawClient(server.port)]
    greedy.send(head('GET / HTTP/1.1').repeat(2) + head('GET / HTTP/1.1', CLOSE))
    await eventually(() => answers.length === 2)
    other.send(head('GET / HTTP/1.1', CLOSE))
    await eventually(() => answers.length === 3)
    for (const answer of answers) answer.resolve(textResponse('}'))
    expect(statuses(await greedy.closed)).toEqual([200, 200, 503])
    expect(statuses(await other.closed)).toEqual([200])
  })

  it('does not count what is answered at once', async () => {
    const server = await serving({ maxPipelinedRequests: 1, fetch: () => textResponse('}') })
    const received = await rawExchange(
      server.port,
      head('GET / HTTP/1.1').repeat(500) + head('GET / HTTP/1.1', CLOSE),
    )
    expect(statuses(received).filter((status) => status === 200)).toHaveLength(501)
  })
})

describe('maxConnections', () => {
  it('closes further connections at once, and says so to the logger', async () => {
    const logger = recordingLogger()
    const server = await serving({ fetch: hello, maxConnections: 1, logger })
    const first = await rawClient(server.port)
    await eventually(() => server.activeConnections === 1)
    const second = await rawClient(server.port)
    await second.closed
    expect(logger.records.at(-1)).toMatchObject({ event: 'connection-dropped', remoteAddress: '127.0.0.1' })
    first.send(head('GET / HTTP/1.1', CLOSE))
    expect(await first.closed).toContain('hello')
  })
})

// Node looks for late requests once a second, so these take that long: they run side by side.
describe.concurrent('timeouts', () => {
  it('answer 408 to a head that comes too slowly, or not at all', async () => {
    const server = await serving({ fetch: hello, headersTimeoutMs: 100 })
    const [slow, silent] = [await rawClient(server.port), await rawClient(server.port)]
    slow.send('GET / HTTP/1.1\r\nHost: a\r\nX-A: ')
    expect(statuses(await slow.closed)).toEqual([408])
    expect(statuses(await silent.closed)).toEqual([408])
  })

  it('answer 408 to content that comes too slowly, while the handler waits for it', async () => {
    const failed = Promise.withResolvers<unknown>()
    const server = await serving({
      requestTimeoutMs: 100,
      headersTimeoutMs: 100,
      fetch: async (request) => {
        await request.text().catch(failed.resolve)
        return hello()
      },
    })
    const client = await rawClient(server.port)
    client.send(`${head('POST / HTTP/1.1', 'Content-Length: 10')}abc`)
    expect(statuses(await client.closed)).toEqual([408])
    expect(await failed.promise).toMatchObject({ name: 'AbortError' })
    await eventually(() => server.requestsInFlight === 0)
  })

  it('cut content that comes too slowly after the response has begun', async () => {
    const server = await serving({
      requestTimeoutMs: 100,
      headersTimeoutMs: 100,
      fetch: (request) => new Response(request.body),
    })
    const client = await rawClient(server.port)
    client.send(`${head('POST / HTTP/1.1', 'Content-Length: 10')}abc`)
    const received = await client.closed
    expect(statuses(received)).toEqual([200])
    expect(received).not.toContain('0\r\n\r\n')
  })

  it('close a connection that waits too long between two requests', async () => {
    const server = await serving({ fetch: hello, idleTimeoutMs: 50 })
    const client = await rawClient(server.port)
    client.send(head('GET / HTTP/1.1'))
    expect(statuses(await client.closed)).toEqual([200])
  })

  it('leave an event stream alone, however long it is silent', async () => {
    const router = createRouter()
    router.get(
      '/',
      () => new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } }),
    )
    const server = await serving({
      fetch: router.fetch,
      headersTimeoutMs: 100,
      requestTimeoutMs: 100,
      idleTimeoutMs: 100,
    })
    const client = await rawClient(server.port)
    client.send(head('GET / HTTP/1.1'))
    await client.until('\r\n\r\n')
    await new Promise((resolve) => {
      setTimeout(resolve, 2500)
    })
    expect(client.socket.destroyed).toBe(false)
    expect(server.requestsInFlight).toBe(1)
    client.destroy()
  })
})

describe('a refusal', () => {
  it('reaches the logger, with its status', async () => {
    const logger = recordingLogger()
    const server = await serving({ fetch: hello, logger, maxTargetBytes: 10 })
    await rawExchange(server.port, head('GET /12345678901 HTTP/1.1'))
    await rawExchange(server.port, 'nonsense\r\n\r\n')
    expect(logger.records.slice(1)).toMatchObject([
      { event: 'request-refused', status: 414, remoteAddress: '127.0.0.1' },
      { event: 'request-refused', status: 400, remoteAddress: '127.0.0.1' },
    ])
  })
})
