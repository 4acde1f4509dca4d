import { connect } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { byteSourceSymbol, createRouter } from '../src/index.ts'
import type { ByteSink } from '../src/index.ts'
import { testOnly } from './certificates.ts'
import { carrying, recordingSource, shared } from './recording-source.ts'
import { rawClient, rawExchange } from './raw-client.ts'
import { eventually, recordingLogger, serving } from './serving.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** A GET over HTTP/2 whose response nobody reads. */
function http2Get(port: number): { send(): void; destroy(): void } {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  session
    .request({ ':path': '/' })
    .on('error', () => {})
    .resume()
    .end()
  return {
    // The request is on its way already.
    send: () => {},
    destroy: () => {
      session.destroy()
    },
  }
}

describe('a response that carries a byte source', () => {
  it('gets a sink once its head has been sent, and its body is not read', async () => {
    const source = recordingSource()
    let pulled = false
    const body = new ReadableStream(
      {
        pull: () => {
          pulled = true
        },
      },
      { highWaterMark: 0 },
    )
    const server = await serving({ fetch: () => carrying(source, {}, body) })
    const client = await rawClient(server.port)
    client.send(GET)
    expect(await client.until('\r\n\r\n')).toMatch(/transfer-encoding: chunked/i)
    expect(source.events).toEqual(['attach'])
    source.sinks[0]?.write(shared('data: x\n\n'))
    await client.until('9\r\ndata: x\n\n\r\n')
    expect([pulled, body.locked]).toEqual([false, false])
    client.destroy()
    await eventually(() => source.events.includes('closed'))
  })

  it('writes the shared chunk straight to the socket of HTTP/1.1', async () => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source), socketHandover: 'off' })
    const client = await rawClient(server.port)
    client.send(GET)
    await client.until('\r\n\r\n')
    const frame = shared('data: x\n\n')
    expect(source.sinks[0]?.write(frame)).toBe(true)
    expect(frame.used).toEqual(['chunk'])
    source.sinks[0]?.close()
    await client.until(/9\r\ndata: x\n\n\r\n0\r\n\r\n$/)
    // The connection is as good as after any other response.
    client.send(GET)
    await eventually(() => source.sinks.length === 2)
    client.destroy()
    await eventually(() => source.events.filter((event) => event === 'closed').length === 2)
  })

  it('writes plain bytes to HTTP/1.0, whose response ends with the connection', async () => {
    const frame = shared('data: x\n\n')
    const server = await serving({
      fetch: () =>
        carrying({
          attach(sink) {
            sink.write(frame)
            sink.close()
            return { drained: () => {}, closed: () => {} }
          },
        }),
    })
    expect(await rawExchange(server.port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/[^\n]\r\n\r\ndata: x\n\n$/)
    expect(frame.used).toEqual(['bytes'])
  })

  it('is not attached where the response has a content coding: its body is read', async () => {
    const source = recordingSource()
    const server = await serving({
      fetch: () =>
        carrying(
          source,
          { headers: { 'content-encoding': 'x-upper' } },
          ReadableStream.from([Buffer.from('CODED')]),
        ),
    })
    const received = await rawExchange(server.port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    expect(received).toContain('CODED')
    expect(source.events).toEqual([])
  })

  it('has no length: a Content-Length is left out', async () => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source, { headers: { 'content-length': '9' } }) })
    const client = await rawClient(server.port)
    client.send(GET)
    expect(await client.until('\r\n\r\n')).not.toMatch(/content-length/i)
    client.destroy()
  })

  it('writes plain bytes while an earlier response of the connection is not done', async () => {
    const first = Promise.withResolvers<Response>()
    const source = recordingSource()
    const server = await serving({
      fetch: (request) => (request.url.endsWith('/1') ? first.promise : carrying(source)),
    })
    const client = await rawClient(server.port)
    client.send(GET.replace('/ ', '/1 ') + GET)
    await eventually(() => source.sinks.length === 1)
    const frame = shared('data: x\n\n')
    source.sinks[0]?.write(frame)
    expect(frame.used).toEqual(['bytes'])
    expect(source.sinks[0]?.bufferedBytes).toBeGreaterThan(0)
    first.resolve(new Response('first'))
    const received = await client.until('data: x')
    expect(received.indexOf('first')).toBeLessThan(received.indexOf('data: x'))
    client.destroy()
  })

  it('that aborts while it waits behind another response destroys the connection of both', async () => {
    const source = recordingSource()
    const server = await serving({
      fetch: (request) => (request.url.endsWith('/1') ? new Promise<Response>(() => {}) : carrying(source)),
    })
    const client = await rawClient(server.port)
    client.send(GET.replace('/ ', '/1 ') + GET)
    await eventually(() => source.sinks.length === 1)
    source.sinks[0]?.abort()
    expect(await client.closed).toBe('')
    await eventually(() => server.requestsInFlight === 0)
    expect(source.events).toEqual(['attach', 'closed'])
  })

  it('gets notified when the output has drained, and counts what waits', async () => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source), highWaterMarkBytes: 16_384 })
    const client = await rawClient(server.port)
    client.socket.pause()
    client.send(GET)
    await eventually(() => source.sinks.length === 1)
    const [sink] = source.sinks
    const block = shared('x'.repeat(65_536))
    while (sink?.write(block) === true);
    let more = 100
    while (more > 0) {
      sink?.write(block)
      more -= 1
    }
    expect(sink?.bufferedBytes).toBeGreaterThan(1_000_000)
    expect(source.events).toEqual(['attach'])
    client.socket.resume()
    await eventually(() => source.events.includes('drained'))
    expect(source.events).toEqual(['attach', 'drained'])
    expect(sink?.bufferedBytes).toBe(0)
    client.destroy()
  })

  it.each<[string, (sink: ByteSink, client: { destroy(): void }) => void]>([
    [
      'the source closes',
      (sink) => {
        sink.close()
      },
    ],
    [
      'the source closes twice',
      (sink) => {
        sink.close()
        sink.close()
      },
    ],
    [
      'the source aborts',
      (sink) => {
        sink.abort()
      },
    ],
    [
      'the source closes, then aborts',
      (sink) => {
        sink.close()
        sink.abort()
      },
    ],
    [
      'the client goes away',
      (_sink, client) => {
        client.destroy()
      },
    ],
  ])('is told once that it is over when %s', async (_name, end) => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source) })
    const client = await rawClient(server.port)
    client.send(GET)
    await eventually(() => source.sinks.length === 1)
    const [sink] = source.sinks
    if (sink !== undefined) end(sink, client)
    await eventually(() => source.events.includes('closed'))
    sink?.abort()
    sink?.close()
    expect(sink?.write(shared('late'))).toBe(false)
    client.destroy()
    await server.close()
    expect(source.events).toEqual(['attach', 'closed'])
  })

  it.each([
    ['close', 'HTTP/1.1'],
    ['abort', 'HTTP/1.1'],
    ['close', 'HTTP/2'],
    ['abort', 'HTTP/2'],
  ] as const)(
    'takes nothing after %s: write answers false and looks at nothing (%s)',
    async (end, protocol) => {
      const source = recordingSource()
      const server = await serving({
        fetch: () => carrying(source),
        ...(protocol === 'HTTP/2' && { tls: testOnly }),
      })
      const client = protocol === 'HTTP/2' ? http2Get(server.port) : await rawClient(server.port)
      client.send(GET)
      await eventually(() => source.sinks.length === 1)
      const frame = shared('data: x\n\n')
      source.sinks[0]?.[end]()
      expect(source.sinks[0]?.write(frame)).toBe(false)
      await eventually(() => source.events.includes('closed'))
      expect(source.sinks[0]?.write(frame)).toBe(false)
      expect(frame.used).toEqual([])
      expect(source.events).toEqual(['attach', 'closed'])
      client.destroy()
    },
  )

  it('may end, or abort, before attach returns', async () => {
    const events: string[] = []
    const server = await serving({
      fetch: (request) =>
        carrying({
          attach(sink) {
            sink.write(shared('data: x\n\n'))
            if (request.url.endsWith('/abort')) sink.abort()
            else sink.close()
            return { drained: () => {}, closed: () => events.push('closed') }
          },
        }),
    })
    expect(await rawExchange(server.port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))).toMatch(
      /0\r\n\r\n$/,
    )
    await rawExchange(server.port, GET.replace('/ ', '/abort '))
    await eventually(() => events.length === 2)
  })

  it('is not attached for HEAD: its body is cancelled in place', async () => {
    const source = recordingSource()
    const cancelled = Promise.withResolvers<unknown>()
    const server = await serving({
      fetch: () => carrying(source, {}, new ReadableStream({ cancel: cancelled.resolve })),
    })
    await rawExchange(server.port, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await cancelled.promise
    expect(source.events).toEqual([])
  })

  it('has its connection destroyed when attach throws', async () => {
    const logger = recordingLogger()
    const server = await serving({
      logger,
      fetch: () =>
        carrying({
          attach() {
            throw new Error('boom')
          },
        }),
    })
    expect(await rawExchange(server.port, GET)).not.toContain('0\r\n\r\n')
    expect(logger.records.at(-1)).toMatchObject({ event: 'body-failed', error: { message: 'boom' } })
  })

  it('survives a listener that throws at the end', async () => {
    const logger = recordingLogger()
    const server = await serving({
      logger,
      fetch: () =>
        carrying({
          attach: (sink) => {
            sink.close()
            return {
              drained: () => {},
              closed: () => {
                throw new Error('boom')
              },
            }
          },
        }),
    })
    await rawExchange(server.port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    await eventually(() => server.requestsInFlight === 0)
    expect(logger.records.at(-1)).toMatchObject({ event: 'body-failed', error: { message: 'boom' } })
  })

  it('has its connection destroyed when its listener throws on drain', async () => {
    const logger = recordingLogger()
    let closed = 0
    const server = await serving({
      logger,
      fetch: () =>
        carrying({
          attach(sink) {
            while (sink.write(shared('x'.repeat(65_536))));
            return {
              drained: () => {
                throw new Error('boom')
              },
              closed: () => void (closed += 1),
            }
          },
        }),
    })
    await rawExchange(server.port, GET)
    await eventually(() => closed === 1)
    expect(logger.records.at(-1)).toMatchObject({ event: 'body-failed', error: { message: 'boom' } })
  })

  it('is ended in good order by a server that stops', async () => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source) })
    const client = await rawClient(server.port)
    client.send(GET)
    await eventually(() => source.sinks.length === 1)
    source.sinks[0]?.write(shared('data: x\n\n'))
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    expect(await client.closed).toMatch(/data: x\n\n\r\n0\r\n\r\n$/)
    expect(source.events).toEqual(['attach', 'closed'])
  })

  it('may say itself how it ends when the server stops, and is broken off after what was sent', async () => {
    const source = recordingSource()
    const server = await serving({
      fetch: () =>
        carrying({
          attach: (sink) => ({
            ...source.attach(sink),
            stopping() {
              sink.write(shared('data: last\n\n'))
              sink.cut?.()
            },
          }),
        }),
    })
    const client = await rawClient(server.port)
    client.send(GET)
    await eventually(() => source.sinks.length === 1)
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    const text = await client.closed
    expect(text).toMatch(/data: last\n\n\r\n$/)
    expect(source.events).toEqual(['attach', 'closed'])
  })

  it('keeps its source through useHead, also where its fields were immutable', async () => {
    const source = recordingSource()
    const router = createRouter()
    router.useHead((head) => {
      head.headers.set('x-hooked', '1')
    })
    router.get('/', () => Object.assign(Response.redirect('http://b/'), { [byteSourceSymbol]: source }))
    const server = await serving({ fetch: router.fetch })
    const client = await rawClient(server.port)
    client.send(GET)
    expect(await client.until('\r\n\r\n')).toContain('x-hooked: 1')
    expect(source.events).toEqual(['attach'])
    client.destroy()
  })
})
