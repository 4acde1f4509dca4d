import { once } from 'node:events'
import { connect, constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { byteSourceSymbol, createRouter, jsonResponse, textResponse, writerResponse } from '../src/index.ts'
import type { ByteSink } from '../src/index.ts'
import { createServer } from '../src/node/index.ts'
import type { ServerOptions } from '../src/node/index.ts'
import { channel } from '../src/node/web-socket/index.ts'
import { testOnly } from './certificates.ts'
import { END_HEADERS, END_STREAM, frameTypes, getFields, rawHttp2Client } from './raw-http2-client.ts'
import { eventually, recordingLogger, serving, turns } from './serving.ts'

interface Answer {
  readonly headers: Record<string, unknown>
  readonly status: number
  readonly text: string
  readonly code: number
}

function client(port: number): ClientHttp2Session {
  const session = connect(`https://localhost:${port}`, { ca: testOnly.cert })
  session.on('error', () => {})
  onTestFinished(() => {
    session.destroy()
  })
  return session
}

async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  content?: string | Uint8Array,
): Promise<Answer> {
  return settled(session.request(headers, { endStream: content === undefined }), content)
}

/** Unlike `once`, also where an error comes before. */
function closeOf(emitter: ClientHttp2Session | ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    emitter.once('close', resolve)
  })
}

async function settled(stream: ClientHttp2Stream, content?: string | Uint8Array): Promise<Answer> {
  let fields: Record<string, unknown> = {}
  let text = ''
  stream.on('response', (headers) => {
    fields = { ...headers }
  })
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  stream.on('error', () => {})
  if (content !== undefined) stream.end(content)
  await closeOf(stream)
  return { headers: fields, status: Number(fields[':status']), text, code: stream.rstCode ?? 0 }
}

const secure = (options: Omit<ServerOptions, 'port' | 'tls'>): ReturnType<typeof serving> =>
  serving({ tls: testOnly, ...options })

describe('HTTP/2', () => {
  it('is chosen by ALPN, and the same routes answer', async () => {
    const router = createRouter()
    router.get('/rooms/:room', (request, { params, httpVersion, remoteAddress }) =>
      jsonResponse({
        room: params.room,
        httpVersion,
        remoteAddress,
        url: request.url,
        host: request.headers.get('host'),
        pseudo: request.headers.get('x-a'),
        names: [...request.headers.keys()],
      }),
    )
    const server = await secure({ fetch: router.fetch })
    const { status, text, headers } = await ask(client(server.port), {
      ':path': '/rooms/a%20b?c=d',
      'x-a': '1',
    })
    expect(status).toBe(200)
    expect(JSON.parse(text)).toEqual({
      room: 'a b',
      httpVersion: '2.0',
      remoteAddress: '127.0.0.1',
      url: `https://localhost:${server.port}/rooms/a%20b?c=d`,
      host: `localhost:${server.port}`,
      pseudo: '1',
      names: ['host', 'x-a'],
    })
    expect(headers['content-length']).toBe(String(text.length))
    expect(headers).not.toHaveProperty('connection')
    expect(headers).not.toHaveProperty('transfer-encoding')
    expect(headers).toHaveProperty('date')
    await eventually(() => server.requestsInFlight === 0)
  })

  it('gives native requests to handlers of others, with content, and sends several cookies as several fields', async () => {
    const server = await secure({
      fetch: async (request) =>
        new Response(`${request.method} ${await request.text()}`, {
          headers: [
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
            ['connection', 'close'],
            ['keep-alive', 'timeout=5'],
          ],
        }),
    })
    const session = client(server.port)
    const { text, headers } = await ask(session, { ':method': 'POST', ':path': '/' }, 'content')
    expect(text).toBe('POST content')
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(headers).not.toHaveProperty('keep-alive')
    expect(session.closed).toBe(false)
  })

  it('joins the pieces of a cookie, and repeated fields as Headers does', async () => {
    const server = await secure({
      fetch: (request) => jsonResponse([request.headers.get('cookie'), request.headers.get('x-a')]),
    })
    const { text } = await ask(client(server.port), {
      ':path': '/',
      cookie: ['a=1', 'b=2'],
      'x-a': ['1', '2'],
    })
    expect(JSON.parse(text)).toEqual(['a=1; b=2', '1, 2'])
  })

  it('leaves the content out for HEAD, 204 and 304', async () => {
    const server = await secure({
      fetch: (request) => {
        const path = new URL(request.url).pathname.slice(1)
        return path === '' ? textResponse('hello') : new Response(null, { status: Number(path) })
      },
    })
    const session = client(server.port)
    const head = await ask(session, { ':method': 'HEAD', ':path': '/' })
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', '5'])
    for (const status of [204, 304]) {
      const answer = await ask(session, { ':path': `/${status}` })
      expect([answer.status, answer.text, answer.code]).toEqual([status, '', 0])
    }
    await eventually(() => server.requestsInFlight === 0)
  })

  it('carries many event streams on one connection, each through a sink of its own', async () => {
    const sinks: ByteSink[] = []
    let closed = 0
    const server = await secure({
      fetch: () =>
        Object.assign(new Response(null, { headers: { 'content-type': 'text/event-stream' } }), {
          [byteSourceSymbol]: {
            attach: (sink: ByteSink) => {
              sinks.push(sink)
              return { drained() {}, closed: () => void (closed += 1) }
            },
          },
        }),
    })
    const session = client(server.port)
    const streams = Array.from({ length: 20 }, () => session.request({ ':path': '/' }))
    await Promise.all(streams.map((stream) => once(stream, 'response')))
    expect([sinks.length, server.activeConnections]).toEqual([20, 1])
    const bytes = Buffer.from('data: x\n\n')
    for (const sink of sinks) sink.write({ bytes, chunk: Buffer.from('never') })
    const received = await Promise.all(streams.map(async (stream) => String((await once(stream, 'data'))[0])))
    expect(new Set(received)).toEqual(new Set(['data: x\n\n']))
    streams[0]?.close(constants.NGHTTP2_CANCEL)
    await eventually(() => closed === 1)
    sinks[1]?.close()
    await once(streams[1] ?? session, 'end')
    sinks[2]?.abort()
    streams[2]?.on('error', () => {})
    await closeOf(streams[2] ?? session)
    await eventually(() => closed === 3)
    expect(server.requestsInFlight).toBe(17)
    expect(streams[3]?.destroyed).toBe(false)
  })

  it('waits for a reader that is slow, and goes on when it reads', async () => {
    let written = 0
    let asked = 0
    const server = await secure({
      fetch: () =>
        writerResponse(async (writer) => {
          for (let index = 0; index < 100; index += 1) {
            asked += 1
            await writer.write(new Uint8Array(30_000))
            written += 1
          }
        }),
    })
    const stream = client(server.port).request({ ':path': '/' })
    await once(stream, 'response')
    stream.pause()
    // The client has what its window let through, and the writer waits. It would not, in so many turns, if it could go on.
    await eventually(() => stream.readableLength > 0 && asked > written)
    await turns(200)
    expect(written).toBeLessThan(50)
    let size = 0
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
    })
    stream.resume()
    await once(stream, 'close')
    expect(size).toBe(3_000_000)
  })

  it('aborts request.signal and cancels the body when a stream is reset', async () => {
    let signal: AbortSignal | undefined
    let isCancelled = false
    const server = await secure({
      fetch: (request) => {
        signal = request.signal
        return new Response(new ReadableStream({ cancel: () => void (isCancelled = true) }))
      },
    })
    const stream = client(server.port).request({ ':path': '/' })
    await once(stream, 'response')
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => isCancelled && signal?.aborted === true)
    await eventually(() => server.requestsInFlight === 0)
    expect(server.activeConnections).toBe(1)
  })

  it('resets the stream alone when a body fails, and answers 500 before', async () => {
    const logger = recordingLogger()
    const server = await secure({
      logger,
      fetch: (request) => {
        if (request.url.endsWith('/before')) throw new Error('boom')
        return writerResponse(async (writer) => {
          await writer.write('begun')
          await new Promise((resolve) => {
            setImmediate(resolve)
          })
          throw new Error('boom')
        })
      },
    })
    const session = client(server.port)
    const before = await ask(session, { ':path': '/before' })
    expect([before.status, before.text]).toEqual([500, 'Internal Server Error\n'])
    const during = await ask(session, { ':path': '/during' })
    expect([during.status, during.code]).toEqual([200, constants.NGHTTP2_INTERNAL_ERROR])
    expect((await ask(session, { ':path': '/before' })).status).toBe(500)
    expect(logger.records.map(({ event }) => event)).toContain('body-failed')
  })

  it('has no WebSockets: a channel is one over HTTP, or a 426', async () => {
    const server = await secure({
      fetch: (request) =>
        channel(
          request,
          { open: (opened) => void opened.send(opened.kind) },
          { accepts: request.url.endsWith('/socket') ? 'websocket' : 'any' },
        ),
    })
    const session = client(server.port)
    expect((await ask(session, { ':path': '/' })).text).toBe('http')
    const refused = await ask(session, { ':path': '/socket' })
    expect([refused.status, refused.headers['upgrade']]).toEqual([426, undefined])
  })

  it('a field that node:http would refuse becomes a 500, not a broken connection', async () => {
    const server = await secure({
      fetch: () => new Response('x', { headers: { 'x-a': 'a\u0001b' } }),
    })
    expect((await ask(client(server.port), { ':path': '/' })).status).toBe(500)
  })
})

describe('HTTP/2 limits and rules', () => {
  const hello = (): Response => textResponse('hello')

  it.each<[string, OutgoingHttpHeaders, number]>([
    ['a Host other than the authority', { host: 'b.example', ':authority': 'a.example' }, 400],
    ['a Host that is the authority', { host: 'a.example', ':authority': 'a.example' }, 200],
    ['a target with a fragment', { ':path': '/#x' }, 400],
    ['OPTIONS *', { ':method': 'OPTIONS', ':path': '*' }, 204],
    ['TRACE', { ':method': 'TRACE' }, 501],
    ['an unknown method', { ':method': 'BREW' }, 200],
    ['an unknown expectation', { expect: 'tea' }, 417],
    ['an unknown expectation beside the known one', { expect: '100-continue, tea' }, 417],
    ['the known expectation twice', { expect: '100-continue, 100-Continue' }, 200],
    ['no expectation at all', { expect: '' }, 200],
    [
      'too many fields',
      Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, '1'])),
      431,
    ],
    ['a long target', { ':path': `/${'x'.repeat(9000)}` }, 414],
  ])('%s', async (_name, headers, status) => {
    const server = await secure({ fetch: hello })
    const answer = await ask(client(server.port), { ':path': '/', ...headers })
    expect(answer.status).toBe(status)
    await eventually(() => server.requestsInFlight === 0)
  })

  it.each<[string, OutgoingHttpHeaders]>([
    ['a target in absolute-form', { ':path': 'http://a.example/' }],
    ['GET *', { ':path': '*' }],
    ['an authority with user information', { ':authority': 'u@a.example' }],
    ['content shorter than its length', { 'content-length': '5' }],
  ])('%s is malformed, and the stream reset', async (_name, headers) => {
    const server = await secure({ fetch: hello })
    const answer = await ask(client(server.port), { ':path': '/', ...headers })
    expect([answer.status, answer.code]).toEqual([Number.NaN, constants.NGHTTP2_PROTOCOL_ERROR])
  })

  it('an announced length above maxBodyBytes is a 413, before there is any', async () => {
    const server = await secure({ fetch: hello, maxBodyBytes: 10 })
    const stream = client(server.port).request({ ':method': 'POST', ':path': '/', 'content-length': '11' })
    expect((await settled(stream)).status).toBe(413)
  })

  it('a head above maxHeaderBytes is reset, and the connection goes on', async () => {
    const server = await secure({ fetch: hello, maxHeaderBytes: 4000, maxTargetBytes: 1000 })
    const session = client(server.port)
    await once(session, 'remoteSettings')
    const answer = await ask(session, { ':path': '/', 'x-a': 'x'.repeat(5000) })
    expect(answer).toMatchObject({ code: constants.NGHTTP2_ENHANCE_YOUR_CALM })
    expect((await ask(session, { ':path': '/' })).status).toBe(200)
  })

  it('content that grows above maxBodyBytes is a 413', async () => {
    const server = await secure({
      maxBodyBytes: 10,
      fetch: async (request) => textResponse(await request.text()),
    })
    const answer = await ask(client(server.port), { ':method': 'POST', ':path': '/' }, 'x'.repeat(11))
    expect(answer.status).toBe(413)
  })

  it('content that nobody reads does not hold the stream', async () => {
    const server = await secure({ fetch: hello })
    const stream = client(server.port).request({ ':method': 'POST', ':path': '/' })
    stream.write(Buffer.alloc(1000))
    const { status, text, code } = await settled(stream)
    expect([status, text, code]).toEqual([200, 'hello', constants.NGHTTP2_NO_ERROR])
    await eventually(() => server.requestsInFlight === 0)
  })

  it('100 Continue is sent when the content is asked for', async () => {
    const server = await secure({ fetch: async (request) => textResponse(await request.text()) })
    const stream = client(server.port).request(
      { ':method': 'POST', ':path': '/', expect: '100-continue' },
      { endStream: false },
    )
    await once(stream, 'continue')
    const { text } = await settled(stream, 'content')
    expect(text).toBe('content')
  })

  it('a request whose content takes longer than requestTimeoutMs is a 408', async () => {
    const server = await secure({
      headersTimeoutMs: 50,
      requestTimeoutMs: 50,
      fetch: async (request) => textResponse(await request.text()),
    })
    const stream = client(server.port).request({ ':method': 'POST', ':path': '/' })
    stream.write('x')
    expect((await settled(stream)).status).toBe(408)
    await eventually(() => server.requestsInFlight === 0)
  })

  it('a stream that is not read is reset after responseStallTimeoutMs, the others go on', async () => {
    const logger = recordingLogger()
    const server = await secure({
      logger,
      responseStallTimeoutMs: 100,
      fetch: (request) => {
        if (request.url.endsWith('/silent')) {
          return new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })
        }
        return textResponse('x'.repeat(5_000_000))
      },
    })
    const session = client(server.port)
    const silent = session.request({ ':path': '/silent' })
    await once(silent, 'response')
    const stream = session.request({ ':path': '/' })
    await once(stream, 'response')
    stream.pause()
    stream.on('error', () => {})
    await eventually(() => logger.records.some(({ event }) => event === 'connection-failed'))
    stream.resume()
    await closeOf(stream)
    expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    expect([silent.destroyed, session.destroyed]).toEqual([false, false])
  })

  it('the client gets maxConcurrentStreams', async () => {
    const server = await secure({ fetch: hello, maxConcurrentStreams: 7 })
    const session = client(server.port)
    const [settings] = (await once(session, 'remoteSettings')) as [{ maxConcurrentStreams: number }]
    expect(settings.maxConcurrentStreams).toBe(7)
  })

  it('a client that resets its streams in a flood is cut off', async () => {
    const server = await secure({ fetch: () => new Promise<Response>(() => {}) })
    const session = client(server.port)
    const closed = closeOf(session)
    await once(session, 'connect')
    for (let round = 0; round < 100 && !session.destroyed; round += 1) {
      const streams = Array.from({ length: 100 }, () => session.request({ ':path': '/' }))
      for (const stream of streams) stream.on('error', () => {})
      await eventually(() => server.requestsInFlight >= 100 || session.destroyed)
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL)
      await eventually(() => server.requestsInFlight === 0 || session.destroyed)
    }
    await closed
    await eventually(() => server.activeConnections === 0 && server.requestsInFlight === 0)
    expect(session.destroyed).toBe(true)
  })
})

describe('close, with HTTP/2', () => {
  it('closes idle connections, and lets streams in flight finish', async () => {
    const answer = Promise.withResolvers<Response>()
    const server = await secure({ fetch: () => answer.promise })
    const idle = client(server.port)
    const busy = client(server.port)
    await once(idle, 'connect')
    const response = ask(busy, { ':path': '/' })
    await eventually(() => server.requestsInFlight === 1)
    const goaway = once(busy, 'goaway')
    const closing = server.close({ timeoutMs: Infinity })
    await once(idle, 'close')
    await goaway
    answer.resolve(textResponse('late'))
    expect((await response).text).toBe('late')
    expect(await closing).toEqual({ destroyedConnections: 0, call: 'first' })
  })

  it('breaks event streams off, of which nobody knows whether this was all', async () => {
    const server = await secure({
      fetch: () =>
        new Response(
          new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('data: x\n\n')) }),
          {
            headers: { 'content-type': 'text/event-stream' },
          },
        ),
    })
    const stream = client(server.port).request({ ':path': '/' })
    const answer = settled(stream)
    await once(stream, 'data')
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    expect(await answer).toMatchObject({ text: 'data: x\n\n', code: constants.NGHTTP2_INTERNAL_ERROR })
  })

  it('destroys at the deadline what is left', async () => {
    const server = createServer({ fetch: () => new Promise<Response>(() => {}), tls: testOnly, port: 0 })
    await server.listen()
    const session = client(server.port ?? 0)
    const answer = ask(session, { ':path': '/' })
    await eventually(() => server.requestsInFlight === 1)
    expect(await server.close({ timeoutMs: 10 })).toEqual({ destroyedConnections: 1, call: 'first' })
    expect((await answer).status).toBe(Number.NaN)
    expect(server.requestsInFlight).toBe(0)
  })
})

describe('frames behind the end of a request', () => {
  // node:http2 answers them, and how depends on its release: see the README. RFC 9113 section 5.4 lets a server report a
  // generic code in place of STREAM_CLOSED, and section 5.4.1 lets it close a connection without a GOAWAY.
  it.each([
    ['DATA', frameTypes.data, END_STREAM, Buffer.from('abc'), [constants.NGHTTP2_STREAM_CLOSED]],
    [
      'HEADERS',
      frameTypes.headers,
      END_STREAM | END_HEADERS,
      getFields('/'),
      [constants.NGHTTP2_STREAM_CLOSED, constants.NGHTTP2_INTERNAL_ERROR, 'no GOAWAY'],
    ],
  ] as const)(
    'end the connection and its requests (RFC 9113 sections 5.1 and 5.4.1): %s',
    async (_name, type, flags, payload, codes) => {
      // After DATA, Node 22.19 to 22.22 send GOAWAY, then neither read nor close the connection: the PING interval ends it.
      const server = await secure({
        fetch: () => new Promise<Response>(() => {}),
        http2PingIntervalMs: 500,
      })
      const raw = await rawHttp2Client(server.port)
      raw.acknowledge()
      raw.get('/')
      raw.send(type, flags, 1, payload)
      await eventually(() => raw.isClosed && server.activeConnections === 0 && server.requestsInFlight === 0)
      const goaway = raw.frames.find((frame) => frame.type === frameTypes.goaway)
      expect(codes).toContain(goaway?.payload.readUInt32BE(4) ?? 'no GOAWAY')
      expect(raw.frames.filter(({ streamId }) => streamId === 1)).toEqual([])
      raw.tcp.destroy()
    },
  )
})

describe('an idle HTTP/2 connection', () => {
  it('is closed after idleTimeoutMs and its grace, but not one with an event stream', async () => {
    const server = await secure({
      idleTimeoutMs: 1,
      fetch: (request) =>
        request.url.endsWith('/stream')
          ? new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })
          : textResponse('x'),
    })
    const idle = client(server.port)
    const busy = client(server.port)
    const stream = busy.request({ ':path': '/stream' })
    await once(stream, 'response')
    expect((await ask(idle, { ':path': '/' })).text).toBe('x')
    await once(idle, 'close')
    expect([busy.destroyed, stream.destroyed]).toEqual([false, false])
  })
})
