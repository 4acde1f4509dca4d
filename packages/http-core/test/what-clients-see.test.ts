import { connect } from 'node:http2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cors, createRouter, textResponse } from '../src/index.ts'
import type { Handler } from '../src/index.ts'
import { compression } from '../src/node/compression/compression.ts'
import { createServer } from '../src/node/index.ts'
import type { FetchHandler } from '../src/node/index.ts'
import { channel } from '../src/node/web-socket/index.ts'
import { testOnly } from './certificates.ts'
import { rawClient, rawExchange, statuses } from './raw-client.ts'
import { recordingLogger, serving } from './serving.ts'

const APP = 'https://app.example'

interface Head {
  readonly status: number
  readonly fields: Record<string, string>
}

/** The head of an answer to HEAD or GET, but for the fields that differ by the moment and the protocol. */
async function headOf(
  protocol: 'HTTP/1.1' | 'HTTP/2',
  fetchHandler: FetchHandler,
  method: 'GET' | 'HEAD',
  headers: Record<string, string> = {},
): Promise<Head> {
  const server = await serving({ fetch: fetchHandler, ...(protocol === 'HTTP/2' && { tls: testOnly }) })
  const fields: Record<string, string> = {}
  let status = 0
  if (protocol === 'HTTP/1.1') {
    const response = await fetch(server.url, { method, headers })
    status = response.status
    for (const [name, value] of response.headers) fields[name] = value
    await response.arrayBuffer()
  } else {
    const session = connect(`https://localhost:${server.port}`, { ca: testOnly.cert })
    onTestFinished(() => {
      session.destroy()
    })
    const stream = session.request({ ':method': method, ...headers })
    stream.on('response', (received) => {
      for (const [name, value] of Object.entries(received)) {
        if (name === ':status') status = Number(value)
        else fields[name] = String(value)
      }
    })
    stream.resume()
    await new Promise((resolve) => {
      stream.once('close', resolve)
    })
  }
  for (const name of ['date', 'connection', 'keep-alive', 'transfer-encoding']) delete fields[name]
  return { status, fields }
}

function app(handler: Handler): FetchHandler {
  const router = createRouter()
  router.use(compression(), { stage: 'encoding' })
  router.get('/', handler)
  return router.fetch
}

const LONG = 'x'.repeat(5000)
const streamed = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull: async (controller) => {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      controller.enqueue(Buffer.from('x'))
    },
  })

describe.each(['HTTP/1.1', 'HTTP/2'] as const)('HEAD over %s says what GET would say', (protocol) => {
  it.each<[string, () => Response, Record<string, string>]>([
    ['of a native text', () => new Response('hello'), {}],
    ['of bytes', () => new Response(new Uint8Array(70_000)), {}],
    ['of a light text', () => textResponse('hello'), {}],
    [
      'of a text that is compressed',
      () => textResponse(LONG, { headers: { etag: '"1"' } }),
      { 'accept-encoding': 'gzip' },
    ],
    ['of a text that is too short to compress', () => textResponse('hello'), { 'accept-encoding': 'gzip' }],
    ['of a text whose client takes no coding', () => textResponse(LONG), { 'accept-encoding': 'identity' }],
    ['of an error', () => textResponse('no', { status: 404 }), {}],
  ])('%s', async (_name, answer, fields) => {
    const get = await headOf(protocol, app(answer), 'GET', fields)
    const head = await headOf(protocol, app(answer), 'HEAD', fields)
    // What is compressed has a length for nobody.
    if (get.fields['content-encoding'] !== undefined) delete get.fields['content-length']
    expect(head).toEqual(get)
  })

  it('of a stream that goes on, without a length, and lets go of it', async () => {
    let isCancelled = false
    const answer = (): Response => {
      const body = streamed()
      const reader = body.getReader()
      return new Response(
        new ReadableStream<Uint8Array>({
          pull: async (controller) => {
            controller.enqueue((await reader.read()).value ?? new Uint8Array())
          },
          cancel: (reason) => {
            isCancelled = true
            return reader.cancel(reason)
          },
        }),
      )
    }
    const head = await headOf(protocol, answer, 'HEAD')
    expect([head.status, head.fields['content-length'], isCancelled]).toEqual([200, undefined, true])
  })

  it('of an event stream, which does not begin', async () => {
    let pulls = 0
    const answer = (): Response =>
      new Response(new ReadableStream({ pull: () => void (pulls += 1) }, { highWaterMark: 0 }), {
        headers: { 'content-type': 'text/event-stream' },
      })
    expect((await headOf(protocol, answer, 'HEAD')).status).toBe(200)
    expect(pulls).toBe(0)
  })
})

describe('the 500 of a handler that throws', () => {
  it.each<[string, Handler]>([
    [
      'at once',
      () => {
        throw new Error('boom')
      },
    ],
    ['later', () => Promise.reject(new Error('boom'))],
  ])('has the fields of cors(), so that a page sees that it is one: thrown %s', async (_name, handler) => {
    const router = createRouter()
    router.use(cors({ origin: [APP], credentials: 'include' }))
    router.get('/', handler)
    const logger = recordingLogger()
    const server = await serving({ fetch: router.fetch, logger })
    const response = await fetch(server.url, { headers: { origin: APP } })
    expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n'])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'retry-after',
      vary: 'Origin',
    })
    expect(logger.records.map(({ event }) => event)).toContain('handler-failed')
    const other = await fetch(server.url, { headers: { origin: 'https://evil.example' } })
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([500, null])
  })
})

describe('serverHeader', () => {
  it('is on the answer to a WebSocket handshake', async () => {
    const server = await serving({ fetch: (request) => channel(request, {}), serverHeader: 'x/1' })
    const client = await rawClient(server.port)
    client.send(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 101 [^]*\r\nserver: x\/1\r\n/)
    client.destroy()
  })

  it.each([
    ['bytes that are no request', 'nonsense\r\n\r\n', 400],
    ['fields that are too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    ['malformed content', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n', 400],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 501],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 204],
    ['a refusal', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
    ['an unknown expectation', 'POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n', 417],
    ['another version of HTTP', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 505],
    ['a response', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 200],
  ])('is on the answer to %s, and so is Date (RFC 9110 6.6.1)', async (_name, bytes, status) => {
    const server = await serving({
      fetch: async (request) => textResponse(await request.text()),
      serverHeader: 'x/1',
    })
    const received = await rawExchange(server.port, bytes)
    expect(statuses(received)).toEqual([status])
    expect(received.match(/^server: x\/1\r$/gim)).toHaveLength(1)
    expect(received.match(/^date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r$/gim)).toHaveLength(1)
  })
})

describe.each(['light', 'native'] as const)(
  'content that is not what it should be (%s requests)',
  (requests) => {
    it.each<[string, (request: Request) => Promise<unknown>]>([
      ['JSON', (request) => request.json()],
      ['JSON, behind its body', (request) => (request.body === null ? Promise.resolve() : request.json())],
      ['a form', (request) => request.formData()],
    ])('is answered with 400, and no error is logged: %s', async (_name, read) => {
      const logger = recordingLogger()
      const server = await serving({
        requests,
        logger,
        fetch: async (request) => {
          await read(request)
          return textResponse('read')
        },
      })
      const headers = { 'content-type': 'multipart/form-data; boundary=b' }
      const response = await fetch(server.url, { method: 'POST', body: '{"a":', headers })
      expect([response.status, await response.text()]).toEqual([400, 'Bad Request'])
      expect(logger.records.filter(({ event }) => event === 'handler-failed')).toEqual([])
    })

    it('is a SyntaxError to a handler that catches it, and a 500 where the handler reads twice', async () => {
      const server = await serving({
        requests,
        fetch: async (request) => {
          const error: unknown = await request.json().catch((thrown: unknown) => thrown)
          if (!(error instanceof SyntaxError)) return textResponse('no SyntaxError')
          await request.json()
          return textResponse('read twice')
        },
      })
      expect((await fetch(server.url, { method: 'POST', body: '{' })).status).toBe(500)
    })
  },
)

describe('a logger without all of its methods', () => {
  it('is refused by the name of the method', () => {
    const logger = { info: () => {}, warn: () => {}, error: () => {} }
    expect(() => createServer({ fetch: () => textResponse('x'), logger: logger as never })).toThrow(
      'logger: expected an object with debug, info, warn, error (this one lacks debug), got an object.',
    )
  })
})
