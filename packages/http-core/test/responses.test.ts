import { createServer as createHttpServer, get as httpGet } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  HttpError,
  byteSourceSymbol,
  bytesResponse,
  jsonResponse,
  textResponse,
  withPrinting,
  writerResponse,
} from '../src/index.ts'
import { createServer } from '../src/node/index.ts'
import { rawClient, rawExchange } from './raw-client.ts'
import { eventually, recordingLogger, serving } from './serving.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const LAST_GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const LAST_HEAD = LAST_GET.replace('GET', 'HEAD')
const encoder = new TextEncoder()

const never = (): ReadableStream<Uint8Array> => new ReadableStream()

/** The head and the content of the only response received. */
function parts(received: string): { readonly head: string; readonly content: string } {
  const end = received.indexOf('\r\n\r\n')
  return { head: received.slice(0, end).toLowerCase(), content: received.slice(end + 4) }
}

describe('a response whose content is known', () => {
  it.each<[string, () => Response, string, string]>([
    ['textResponse', () => textResponse('héllo'), 'text/plain; charset=utf-8', 'hÃ©llo'],
    ['jsonResponse', () => jsonResponse({ a: 1 }), 'application/json', '{"a":1}'],
    ['bytesResponse', () => bytesResponse(Uint8Array.of(65, 66)), 'application/octet-stream', 'AB'],
    ['a native text', () => new Response('héllo'), 'text/plain;charset=utf-8', 'hÃ©llo'],
    [
      'native bytes',
      () => new Response(Uint8Array.of(65, 66), { headers: { 'content-type': 'x/y' } }),
      'x/y',
      'AB',
    ],
    ['Response.json', () => Response.json({ a: 1 }), 'application/json', '{"a":1}'],
    [
      'a form',
      () => new Response(new URLSearchParams({ a: 'b' })),
      'application/x-www-form-urlencoded;charset=utf-8',
      'a=b',
    ],
    [
      'a stream that has all of it',
      () =>
        new Response(ReadableStream.from([encoder.encode('a'), encoder.encode('b')]), {
          headers: { 'content-type': 'x/y' },
        }),
      'x/y',
      'ab',
    ],
    [
      'a light response that was looked into',
      () => new Response(textResponse('x').body, { headers: { 'content-type': 'x/y' } }),
      'x/y',
      'x',
    ],
  ])('is sent with a Content-Length: %s', async (_name, make, type, content) => {
    const server = await serving({ fetch: make })
    const received = parts(await rawExchange(server.port, LAST_GET))
    expect(received.head).toContain(`content-type: ${type}\r\n`)
    expect(received.head).toContain(`content-length: ${content.length}`)
    expect(received.head).not.toContain('transfer-encoding')
    expect(received.content).toBe(content)
  })

  it('answers at once or later alike', async () => {
    const server = await serving({ fetch: async () => textResponse('later') })
    expect(parts(await rawExchange(server.port, LAST_GET)).content).toBe('later')
  })

  it('keeps status, status text and fields', async () => {
    const server = await serving({
      fetch: () => {
        const response = textResponse('x', { status: 201, statusText: 'Made', headers: { 'x-a': '1' } })
        response.headers.append('set-cookie', 'a=1')
        response.headers.append('set-cookie', 'b=2')
        return response
      },
    })
    const { head } = parts(await rawExchange(server.port, LAST_GET))
    expect(head).toMatch(/^http\/1.1 201 made\r\n/)
    expect(head).toContain('x-a: 1')
    expect(head).toContain('set-cookie: a=1\r\nset-cookie: b=2')
  })

  it('is a Response in every other way', async () => {
    const response = textResponse('x', { status: 404, statusText: 'Gone fishing' })
    expect(response).toBeInstanceOf(Response)
    expect([
      response.status,
      response.ok,
      response.statusText,
      response.type,
      response.url,
      response.redirected,
    ]).toEqual([404, false, 'Gone fishing', 'default', '', false])
    const held = response.headers
    held.set('x-a', '1')
    expect(response.bodyUsed).toBe(false)
    expect(await response.clone().text()).toBe('x')
    expect(response.headers).toBe(response.headers)
    expect(new Response(response.body, response).headers.get('x-a')).toBe('1')
    expect(await jsonResponse([1]).json()).toEqual([1])
    expect((await textResponse('x').arrayBuffer()).byteLength).toBe(1)
    expect((await textResponse('x').bytes()).length).toBe(1)
    expect((await textResponse('x').blob()).size).toBe(1)
    const form = textResponse('a=b', { headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    expect((await form.formData()).get('a')).toBe('b')
  })

  it('cannot have a status that has no content, or none at all', () => {
    expect(() => textResponse('x', { status: 204 })).toThrow(TypeError)
    expect(() => textResponse('x', { status: 199 })).toThrow(RangeError)
    expect(() => jsonResponse(undefined)).toThrow(TypeError)
    expect(() => textResponse('x', { headers: { 'a b': '1' } })).toThrow(TypeError)
  })
})

describe('a response without content', () => {
  it.each([
    [200, 'content-length: 0'],
    [204, undefined],
    [205, 'content-length: 0'],
    [304, undefined],
    [404, 'content-length: 0'],
  ])('of status %i says %s', async (status, length) => {
    const server = await serving({ fetch: () => new Response(null, { status }) })
    const { head, content } = parts(await rawExchange(server.port, LAST_GET))
    if (length === undefined) expect(head).not.toContain('content-length')
    else expect(head).toContain(length)
    expect(head).not.toContain('transfer-encoding')
    expect(content).toBe('')
  })

  it.each<[string, () => Response, string | undefined]>([
    ['a known content', () => textResponse('hello'), 'content-length: 5'],
    [
      'a length of its own',
      () => new Response(null, { headers: { 'content-length': '7' } }),
      'content-length: 7',
    ],
    ['a stream', () => new Response(never()), undefined],
  ])('answers HEAD with the head of %s', async (_name, make, length) => {
    const server = await serving({ fetch: make })
    const { head, content } = parts(await rawExchange(server.port, LAST_HEAD))
    if (length === undefined) expect(head).not.toContain('content-length')
    else expect(head).toContain(length)
    expect(content).toBe('')
  })

  it('cancels the body that HEAD leaves out', async () => {
    const cancelled = Promise.withResolvers<unknown>()
    const server = await serving({
      fetch: () => new Response(new ReadableStream({ cancel: cancelled.resolve })),
    })
    await rawExchange(server.port, LAST_HEAD)
    expect(await cancelled.promise).toMatchObject({ name: 'AbortError' })
  })

  it('leaves a HEAD connection ready for the next request', async () => {
    const server = await serving({ fetch: () => new Response(never()) })
    const received = await rawExchange(server.port, GET.replace('GET', 'HEAD') + LAST_HEAD)
    expect(received.match(/HTTP\/1.1 200/g)).toHaveLength(2)
  })
})

describe('a streamed response', () => {
  it('sends its head before its first byte, and each byte as it comes', async () => {
    let push: (text: string) => void = () => {}
    let close: () => void = () => {}
    const server = await serving({
      fetch: () =>
        new Response(
          new ReadableStream({
            start(controller) {
              push = (text) => {
                controller.enqueue(encoder.encode(text))
              }
              close = () => {
                controller.close()
              }
            },
          }),
        ),
    })
    const client = await rawClient(server.port)
    client.send(LAST_GET)
    const head = await client.until('\r\n\r\n')
    expect(head).toMatch(/transfer-encoding: chunked/i)
    push('one')
    await client.until('3\r\none\r\n')
    push('two')
    await client.until('3\r\ntwo\r\n')
    close()
    expect(await client.closed).toMatch(/0\r\n\r\n$/)
  })

  it('reads no more of the body than the connection takes', async () => {
    let pulled = 0
    const server = await serving({
      fetch: () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              pulled += 1
              controller.enqueue(new Uint8Array(65_536))
            },
          }),
        ),
    })
    const client = await rawClient(server.port)
    client.socket.pause()
    client.send(GET)
    let before = -1
    while (before !== pulled) {
      before = pulled
      await new Promise((resolve) => {
        setTimeout(resolve, 100)
      })
    }
    // Two socket buffers' worth, not the 1000 that would be gigabytes by now.
    expect(pulled).toBeLessThan(500)
    client.socket.resume()
    await eventually(() => pulled > before + 10)
    client.destroy()
  })

  it('cancels the body when the client goes away', async () => {
    const cancelled = Promise.withResolvers<unknown>()
    const server = await serving({
      fetch: () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(encoder.encode('begun'))
            },
            cancel: cancelled.resolve,
          }),
        ),
    })
    const client = await rawClient(server.port)
    client.send(GET)
    await client.until('begun')
    client.destroy()
    expect(await cancelled.promise).toMatchObject({ name: 'AbortError' })
    await eventually(() => server.requestsInFlight === 0)
  })

  it('cancels the body of a handler that answers after its client has gone', async () => {
    const answer = Promise.withResolvers<Response>()
    const cancelled = Promise.withResolvers<unknown>()
    const server = await serving({ fetch: () => answer.promise })
    const client = await rawClient(server.port)
    client.send(GET)
    await eventually(() => server.requestsInFlight === 1)
    client.destroy()
    await eventually(() => server.requestsInFlight === 0)
    answer.resolve(new Response(new ReadableStream({ cancel: cancelled.resolve })))
    expect(await cancelled.promise).toMatchObject({ name: 'AbortError' })
  })

  it('can be the content of its own request, however large', async () => {
    const server = await serving({ maxBodyBytes: Infinity, fetch: (request) => new Response(request.body) })
    const size = 5_000_000
    const response = await fetch(server.url, { method: 'POST', body: new Uint8Array(size) })
    expect((await response.arrayBuffer()).byteLength).toBe(size)
  })

  it('is not chunked for HTTP/1.0: the end of the connection is its end', async () => {
    const server = await serving({
      fetch: () => new Response(ReadableStream.from(slowly(['one', 'two']))),
    })
    const { head, content } = parts(await rawExchange(server.port, 'GET / HTTP/1.0\r\n\r\n'))
    expect(head).not.toContain('transfer-encoding')
    expect(content).toBe('onetwo')
  })

  it('keeps a Content-Length that is right', async () => {
    const server = await serving({
      fetch: () =>
        new Response(ReadableStream.from(slowly(['one', 'two'])), { headers: { 'content-length': '6' } }),
    })
    const { head, content } = parts(await rawExchange(server.port, LAST_GET))
    expect(head).toContain('content-length: 6')
    expect(content).toBe('onetwo')
  })

  it.each(['5', '7'])(
    'is a 500 when its Content-Length of %s is wrong, and it ends before its head is sent',
    async (length) => {
      const logger = recordingLogger()
      const server = await serving({
        logger,
        fetch: () =>
          new Response(ReadableStream.from([Buffer.from('one'), Buffer.from('two')]), {
            headers: { 'content-length': length },
          }),
      })
      const response = await fetch(server.url)
      expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n'])
      const text = `The body of the response is ${length === '5' ? 'longer' : 'shorter'} than its Content-Length`
      expect(logger.records).toContainEqual(expect.objectContaining({ error: new Error(text) }))
    },
  )

  it.each(['5', '7'])('is cut when its Content-Length of %s is wrong', async (length) => {
    const logger = recordingLogger()
    const server = await serving({
      logger,
      fetch: () =>
        new Response(ReadableStream.from(slowly(['one', 'two'])), { headers: { 'content-length': length } }),
    })
    const { content } = parts(await rawExchange(server.port, GET))
    expect(content).toBe('one'.padEnd(length === '7' ? 6 : 3, 'two'))
    expect(logger.records.at(-1)).toMatchObject({ event: 'body-failed' })
  })

  it('leaves out empty chunks, which would end it', async () => {
    const server = await serving({
      fetch: () => new Response(ReadableStream.from(slowly(['one', '', 'two']))),
    })
    expect(parts(await rawExchange(server.port, LAST_GET)).content).toBe('3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n')
  })

  it('larger than what is gathered is sent as it comes', async () => {
    const size = 300_000
    const server = await serving({ fetch: () => new Response(new Uint8Array(size)) })
    const response = await fetch(server.url)
    expect((await response.arrayBuffer()).byteLength).toBe(size)
  })

  it('drops the fields that frame a message: those are the business of the server', async () => {
    const server = await serving({
      fetch: () =>
        new Response(ReadableStream.from(slowly(['one'])), {
          headers: {
            'transfer-encoding': 'gzip',
            'keep-alive': 'timeout=99',
            upgrade: 'x',
            trailer: 'x',
            connection: 'close, x',
          },
        }),
    })
    const { head, content } = parts(await rawExchange(server.port, GET))
    expect(head).toContain('transfer-encoding: chunked')
    expect(head).toContain('connection: close')
    expect(head).not.toMatch(/gzip|timeout=99|upgrade|trailer/)
    expect(content).toBe('3\r\none\r\n0\r\n\r\n')
  })

  it('can be that of another server, passed on', async () => {
    const upstream = createHttpServer((_request, response) => {
      response.setHeader('x-from', 'upstream')
      response.write('one')
      setTimeout(() => response.end('two'), 20)
    }).listen(0)
    await once(upstream, 'listening')
    const { port } = upstream.address() as { readonly port: number }
    const server = await serving({
      fetch: (request) => fetch(`http://127.0.0.1:${port}`, { signal: request.signal }),
    })
    const response = await fetch(server.url)
    expect([response.headers.get('x-from'), await response.text()]).toEqual(['upstream', 'onetwo'])
    upstream.closeAllConnections()
    upstream.close()
  })
})

describe('writerResponse', () => {
  it('is written by a function, at the pace of the client', async () => {
    let written = 0
    const server = await serving({
      fetch: () =>
        writerResponse(
          async (writer) => {
            await writer.write('text ')
            await writer.write(encoder.encode('bytes '))
            for (; written < 5; written += 1) await writer.write(String(written))
          },
          { headers: { 'content-type': 'text/csv' } },
        ),
    })
    const response = await fetch(server.url)
    expect([response.headers.get('content-type'), await response.text()]).toEqual([
      'text/csv',
      'text bytes 01234',
    ])
  })

  it('has at most one piece waiting when its writes are awaited', async () => {
    let written = 0
    const response = writerResponse(async (writer) => {
      for (;;) {
        await writer.write('x')
        written += 1
      }
    })
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.read()
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    expect(written).toBeLessThanOrEqual(3)
    await reader?.cancel()
  })

  it('learns that the client left from its signal, and from the write that it awaits', async () => {
    const failed = Promise.withResolvers<unknown>()
    let signal: AbortSignal | undefined
    const server = await serving({
      fetch: () =>
        writerResponse(async (writer) => {
          signal = writer.signal
          try {
            for (;;) await writer.write(new Uint8Array(65_536))
          } catch (error) {
            failed.resolve(error)
          }
        }),
    })
    const client = await rawClient(server.port)
    client.send(GET)
    await client.until('\r\n\r\n')
    client.destroy()
    expect(await failed.promise).toMatchObject({ name: 'AbortError' })
    expect(signal?.aborted).toBe(true)
  })

  it('destroys the connection when it fails, so that the part is not taken for the whole', async () => {
    const logger = recordingLogger()
    const server = await serving({
      logger,
      fetch: () =>
        writerResponse(async (writer) => {
          await writer.write('part')
          await new Promise((resolve) => {
            setImmediate(resolve)
          })
          throw new Error('boom')
        }),
    })
    const received = await rawExchange(server.port, GET)
    expect(received).toContain('part')
    expect(received).not.toContain('0\r\n\r\n')
    expect(logger.records.at(-1)).toMatchObject({ event: 'body-failed', error: { message: 'boom' } })
  })

  it('cannot be written to after its end', async () => {
    let late: Promise<void> | undefined
    const response = writerResponse(async (writer) => {
      await writer.write('x')
      setImmediate(() => {
        late = writer.write('y')
        late.catch(() => {})
      })
    })
    expect(await response.text()).toBe('x')
    await eventually(() => late !== undefined)
    await expect(late).rejects.toThrow('has ended')
  })
})

describe('a handler that fails', () => {
  it.each<[string, () => Response | Promise<Response>]>([
    [
      'throws',
      () => {
        throw new Error('secret')
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
    ['answers nothing', () => undefined as unknown as Response],
    ['answers no Response', () => ({ secret: 1 }) as unknown as Response],
    ['answers Response.error()', () => Response.error()],
    [
      'answers a body that has been read',
      () => {
        const r = new Response('secret')
        r.body?.getReader()
        return r
      },
    ],
    [
      'answers a body that fails at once',
      () =>
        new Response(
          new ReadableStream({
            start(c) {
              c.error(new Error('secret'))
            },
          }),
        ),
    ],
  ])('and %s is answered with 500 without any detail; the logger hears it', async (_name, fetch_) => {
    const logger = recordingLogger()
    const server = await serving({ fetch: fetch_, logger })
    const received = await rawExchange(server.port, LAST_GET)
    expect(received).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/)
    expect(received).not.toContain('secret')
    expect(logger.records.at(-1)).toMatchObject({ event: 'handler-failed', method: 'GET', target: '/' })
    expect(logger.records.at(-1)?.error).toBeInstanceOf(Error)
    expect(server.requestsInFlight).toBe(0)
  })

  it.each<[string, (init: ResponseInit) => Response]>([
    ['known content', (init) => textResponse('x', init)],
    ['a native text', (init) => new Response('x', init)],
    ['no content', (init) => new Response(null, init)],
    ['a stream', (init) => new Response(never(), init)],
    [
      'an event stream',
      ({ headers }) =>
        new Response(never(), {
          headers: { ...(headers as Record<string, string>), 'content-type': 'text/event-stream' },
        }),
    ],
    [
      'a byte source',
      (init) =>
        Object.assign(new Response(null, init), {
          [byteSourceSymbol]: { attach: () => ({ drained() {}, closed() {} }) },
        }),
    ],
  ])('by a field that Node refuses to send is answered with 500: %s', async (_name, make) => {
    const logger = recordingLogger()
    const server = await serving({ logger, fetch: () => make({ headers: { 'x-a': 'a\u0001b' } }) })
    const received = await rawExchange(server.port, LAST_GET)
    expect(received).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/)
    expect(logger.records.at(-1)).toMatchObject({
      event: 'handler-failed',
      error: { code: 'ERR_INVALID_CHAR' },
    })
    expect(server.requestsInFlight).toBe(0)
  })

  it('by an HttpError answers with its status, text and fields', async () => {
    const logger = recordingLogger()
    const server = await serving({
      logger,
      fetch: () => {
        throw new HttpError(401, 'Sign in first.', {
          headers: { 'www-authenticate': 'Bearer' },
          cause: 'secret',
        })
      },
    })
    const response = await fetch(server.url)
    expect([response.status, response.headers.get('www-authenticate'), await response.text()]).toEqual([
      401,
      'Bearer',
      'Sign in first.',
    ])
    expect(logger.records.map((record) => record.event)).toEqual(['listening'])
  })

  it('by an HttpError of another copy of this package, too', async () => {
    const server = await serving({
      fetch: () => {
        throw Object.assign(new Error('elsewhere'), {
          code: 'http-error',
          status: 409,
          headers: new Headers(),
        })
      },
    })
    expect((await fetch(server.url)).status).toBe(409)
  })

  it('after the first byte has its connection destroyed', async () => {
    const logger = recordingLogger()
    const server = await serving({
      logger,
      fetch: () => new Response(ReadableStream.from(slowly(['part'], new Error('boom')))),
    })
    const received = await rawExchange(server.port, GET)
    expect(received).toContain('4\r\npart\r\n')
    expect(received).not.toContain('0\r\n\r\n')
    expect(logger.records.at(-1)).toMatchObject({ event: 'body-failed', error: { message: 'boom' } })
  })

  it('by a chunk that is not bytes has its connection destroyed', async () => {
    const logger = recordingLogger()
    const chunks = (async function* () {
      yield* slowly(['part'])
      yield 'text' as unknown as Uint8Array<ArrayBuffer>
    })()
    const server = await serving({ logger, fetch: () => new Response(ReadableStream.from(chunks)) })
    await rawExchange(server.port, GET)
    expect(String(logger.records.at(-1)?.error)).toContain('expected Uint8Arrays, got "text"')
  })
})

describe('the server', () => {
  it('sends a Server field only if serverHeader is set', async () => {
    const [silent, named] = [
      await serving({ fetch: () => textResponse('x') }),
      await serving({ fetch: () => textResponse('x'), serverHeader: 'demo/1' }),
    ]
    expect((await fetch(silent.url)).headers.get('server')).toBeNull()
    expect((await fetch(named.url)).headers.get('server')).toBe('demo/1')
  })

  it('answers pipelined requests in order, though the second is ready first', async () => {
    const first = Promise.withResolvers<Response>()
    const server = await serving({
      fetch: (request) => (request.url.endsWith('/1') ? first.promise : textResponse('second')),
    })
    const client = await rawClient(server.port)
    client.send(GET.replace('/ ', '/1 ') + LAST_GET.replace('/ ', '/2 '))
    await eventually(() => server.requestsInFlight === 1)
    first.resolve(textResponse('first'))
    const received = await client.closed
    expect(received.indexOf('first')).toBeLessThan(received.indexOf('second'))
  })

  it.each([
    ['a handler', GET.replace('/ ', '/last ')],
    ['a refusal', GET.replace('Host: a', 'Host: a b')],
  ])(
    'does not serve what comes behind a response that closes the connection, by the word of %s',
    async (_who, first) => {
      const served: string[] = []
      const server = await serving({
        fetch: (request) => {
          served.push(request.method)
          const isLast = request.url.endsWith('/last')
          return textResponse('x', isLast ? { headers: { connection: 'close' } } : {})
        },
      })
      const behind = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'
      const received = await rawExchange(server.port, first + behind.repeat(2))
      expect(received.match(/HTTP\/1.1 /g)).toHaveLength(1)
      expect(served).not.toContain('POST')
      await eventually(() => server.requestsInFlight === 0)
    },
  )

  it('sends early bytes to a client of node:http as they come', async () => {
    const server = await serving({ fetch: () => new Response(never()) })
    const [response] = (await once(httpGet(server.url), 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(200)
    response.destroy()
  })
})

/** Chunks with a turn of the event loop before each; then, perhaps, an error. */
async function* slowly(texts: readonly string[], error?: Error): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const text of texts) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    yield encoder.encode(text)
  }
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  if (error !== undefined) throw error
}

describe('what is printed and logged', () => {
  it.each<[string, Response]>([
    ['textResponse', textResponse('x', { headers: { 'set-cookie': 'sid=secret', 'x-a': 'shown' } })],
    [
      'writerResponse',
      writerResponse(async () => {}, { headers: { 'set-cookie': 'sid=secret', 'x-a': 'shown' } }),
    ],
    [
      'withPrinting',
      withPrinting(new Response('x', { headers: { 'set-cookie': 'sid=secret', 'x-a': 'shown' } })),
    ],
  ])('a response of %s masks Set-Cookie', (_name, response) => {
    const shown = inspect({ deep: { response } }, { depth: 5 })
    expect(shown).toContain("'set-cookie': '[redacted]'")
    expect(shown).toContain("'x-a': 'shown'")
    expect(shown).toContain('status: 200')
    expect(shown).not.toContain('secret')
  })

  it('failures reach the console where there is no logger, and nothing where it is off', async () => {
    const error = vi.spyOn(console, 'error').mockReturnValue(undefined)
    onTestFinished(() => {
      error.mockRestore()
    })
    const boom = new Error('boom')
    const failing = (): never => {
      throw boom
    }
    expect((await fetch((await serving({ fetch: failing, logger: 'off' })).url)).status).toBe(500)
    expect(error).not.toHaveBeenCalled()
    const server = createServer({ fetch: failing, port: 0 })
    await server.listen()
    expect((await fetch(server.url ?? '')).status).toBe(500)
    await server.close()
    expect(error.mock.calls).toEqual([['http-core: The handler failed', boom]])
  })

  it('events have the names that logEventNames gives them', async () => {
    const logger = recordingLogger()
    const server = await serving({
      logger,
      logEventNames: { 'handler-failed': 'app.error' },
      fetch: () => {
        throw new Error('boom')
      },
    })
    await fetch(server.url)
    expect(logger.records.map(({ event }) => event)).toEqual(['listening', 'app.error'])
  })
})
