import { once } from 'node:events'
import { constants } from 'node:http2'
import { request as httpRequest, ServerResponse } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { respond } from '@sse-toolkit/sse-server'
import type { CloseReason, EventStream } from '@sse-toolkit/sse-server'
import { openEventStream, sendResponse } from '@sse-toolkit/sse-server/node'
import type { OpenEventStreamOptions } from '@sse-toolkit/sse-server/node'
import { mark } from '../recording-sink.ts'
import { connectRaw, serve, serveHttp2 } from './servers.ts'
import type { RawClient } from './servers.ts'

/** A server that opens a stream for each request and hands it to the test. */
async function serveStreams(
  options: OpenEventStreamOptions = {},
  before?: (req: IncomingMessage, res: ServerResponse) => void,
) {
  const streams: EventStream[] = []
  const reasons: CloseReason[] = []
  const waiting: ((stream: EventStream) => void)[] = []
  const running = await serve((req, res) => {
    before?.(req, res)
    const stream = openEventStream(req, res, { onClose: (reason) => reasons.push(reason), ...options })
    streams.push(stream)
    waiting.shift()?.(stream)
  })
  return {
    ...running,
    streams,
    reasons,
    nextStream: () => new Promise<EventStream>((resolve) => waiting.push(resolve)),
  }
}

const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

describe('openEventStream on node:http', () => {
  it('sends the head at once, ahead of any event', async () => {
    await using server = await serveStreams({ heartbeatIntervalMs: 0 })
    const response = await fetch(server.url)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await response.body?.cancel()
  })

  it('delivers each event as it is sent, and ends with close', async () => {
    await using server = await serveStreams({ heartbeatIntervalMs: 0 })
    const opened = server.nextStream()
    const client = await connectRaw(server.port, get)
    const stream = await opened
    for (const data of ['one', 'two', 'three']) {
      stream.send({ data })
      await client.until(new RegExp(`data: ${data}\n\n`))
    }
    stream.close()
    await client.until(/\r\n0\r\n\r\n$/)
    await expect(stream.closed).resolves.toBe('server')
    expect(client.text.slice(client.text.indexOf('\r\n\r\n') + 4)).toBe(
      `1c\r\n${mark}data: one\n\n\r\nb\r\ndata: two\n\n\r\nd\r\ndata: three\n\n\r\n0\r\n\r\n`,
    )
  })

  it('leaves the connection to the next request', async () => {
    await using server = await serveStreams({ heartbeatIntervalMs: 0 })
    const client = await connectRaw(server.port, get)
    await client.until(/\r\n\r\n/)
    server.streams[0]?.send({ data: 'first' })
    server.streams[0]?.close()
    await client.until(/0\r\n\r\n$/)
    client.socket.write(get)
    await vi.waitUntil(() => server.streams.length === 2, patience)
    server.streams[1]?.send({ data: 'second' })
    await client.until(/data: second/)
    expect(server.streams[0]?.send({ data: 'late' })).toBe(false)
    expect(client.socket.closed).toBe(false)
    server.streams[1]?.close()
  })

  it('takes part in a pipeline: the second response waits for the first', async () => {
    await using server = await serveStreams({ heartbeatIntervalMs: 0 })
    const client = await connectRaw(server.port, get + get)
    await vi.waitUntil(() => server.streams.length === 2, patience)
    server.streams[1]?.send({ data: 'second' })
    server.streams[0]?.send({ data: 'first' })
    await client.until(/data: first/)
    server.streams[0]?.close()
    await client.until(/data: second/)
    expect(client.text).toMatch(/data: first[^]*\r\n0\r\n\r\nHTTP\/1\.1 200[^]*data: second/)
  })

  it('notices that the client left while its response waited in a pipeline', async () => {
    await using server = await serveStreams({ heartbeatIntervalMs: 0 })
    const client = await connectRaw(server.port, get + get)
    await vi.waitUntil(() => server.streams.length === 2, patience)
    client.socket.destroy()
    await expect(Promise.all(server.streams.map((stream) => stream.closed))).resolves.toEqual([
      'client',
      'client',
    ])
  })

  it('answers HTTP/1.0 without chunks, ended by the connection', async () => {
    await using server = await serveStreams({ heartbeatIntervalMs: 0 })
    const client = await connectRaw(server.port, 'GET / HTTP/1.0\r\n\r\n')
    await client.until(/\r\n\r\n/)
    server.streams[0]?.send({ data: 'one' })
    await client.until(/data: one/)
    server.streams[0]?.close()
    await client.closed
    expect(client.text).not.toMatch(/transfer-encoding/i)
    expect(client.text.slice(client.text.indexOf('\r\n\r\n') + 4)).toBe(mark + 'data: one\n\n')
  })

  it('answers HEAD with the head alone', async () => {
    await using server = await serveStreams()
    const response = await fetch(server.url, { method: 'HEAD' })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await expect(server.streams[0]?.closed).resolves.toBe('server')
    expect(server.streams[0]?.send({ data: 'x' })).toBe(false)
  })

  it('answers POST', async () => {
    await using server = await serveStreams({ heartbeatIntervalMs: 0 })
    const opened = server.nextStream()
    const response = await fetch(server.url, { method: 'POST', body: '{"question":1}' })
    const stream = await opened
    stream.send({ data: 'answer' })
    stream.close()
    expect(await response.text()).toBe(mark + 'data: answer\n\n')
  })

  it('answers POST whose body was read to its end before', async () => {
    const reasons: CloseReason[] = []
    await using server = await serve(async (req, res) => {
      const parts: unknown[] = []
      for await (const part of req) parts.push(part)
      await new Promise(setImmediate)
      const stream = openEventStream(req, res, {
        heartbeatIntervalMs: 0,
        onClose: (reason) => reasons.push(reason),
      })
      setTimeout(() => {
        stream.send({ data: parts.length })
        stream.close()
      }, 20)
    })
    const response = await fetch(server.url, { method: 'POST', body: '{"question":1}' })
    expect(await response.text()).toBe(mark + 'data: 1\n\n')
    await vi.waitUntil(() => reasons.length === 1, patience)
    expect(reasons).toEqual(['server'])
  })

  it('keeps header fields set before; given fields replace them, set-cookie and vary are added', async () => {
    await using server = await serveStreams(
      { headers: { 'cache-control': 'no-store', 'set-cookie': 'b=2', vary: 'accept' } },
      (_req, res) => {
        res.setHeader('access-control-allow-origin', 'https://example.com')
        res.setHeader('vary', 'origin')
        res.setHeader('set-cookie', 'a=1')
        res.setHeader('cache-control', 'public')
      },
    )
    const { headers, body } = await fetch(server.url)
    expect(headers.get('access-control-allow-origin')).toBe('https://example.com')
    expect(headers.get('vary')).toBe('origin, accept')
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(headers.get('cache-control')).toBe('no-store')
    await body?.cancel()
  })

  it('throws if the head has been sent or an option is invalid, and sends nothing', async () => {
    const errors: unknown[] = []
    await using server = await serve((req, res) => {
      const attempt = (options?: OpenEventStreamOptions): void => {
        try {
          openEventStream(req, res, options)
        } catch (error) {
          errors.push(error)
        }
      }
      attempt({ heartbeatIntervalMs: -1 })
      try {
        openEventStream(res as never, req as never)
      } catch (error) {
        errors.push(error)
      }
      res.statusCode = 418
      res.flushHeaders()
      attempt()
      res.end()
    })
    expect((await fetch(server.url)).status).toBe(418)
    expect(errors).toMatchObject([
      { code: 'invalid-option', option: 'heartbeatIntervalMs' },
      { code: 'invalid-option', option: 'request' },
      { code: 'head-sent' },
    ])
  })

  it('uses a wrapped write, and its flush', async () => {
    const written: string[] = []
    let flushed = 0
    await using server = await serveStreams({ heartbeatIntervalMs: 0 }, (_req, res) => {
      const write = res.write.bind(res)
      Object.assign(res, {
        write: (bytes: Uint8Array) => {
          written.push(new TextDecoder().decode(bytes))
          return write(bytes)
        },
        flush: () => {
          flushed += 1
        },
      })
    })
    const opened = server.nextStream()
    const client = await connectRaw(server.port, get)
    const stream = await opened
    stream.send({ data: 'one' })
    await client.until(/data: one/)
    expect([written, flushed]).toEqual([[`${mark}data: one\n\n`], 1])
  })
})

describe('the client leaves', () => {
  it('before the head', async () => {
    const reasons: CloseReason[] = []
    const arrived = Promise.withResolvers<void>()
    await using server = await serve(async (req, res) => {
      arrived.resolve()
      await once(req.socket, 'close')
      const stream = openEventStream(req, res, { onClose: (reason) => reasons.push(reason) })
      stream.send({ data: 'nobody' })
      reasons.push(await stream.closed)
    })
    const client = await connectRaw(server.port, get)
    await arrived.promise
    client.socket.destroy()
    await vi.waitUntil(() => reasons.length === 2, patience)
    expect(reasons).toEqual(['client', 'client'])
  })

  it.each([
    ['with FIN', (client: RawClient) => client.socket.end()],
    ['with RST', (client: RawClient) => client.socket.resetAndDestroy()],
  ])('%s, in the middle of a flush', async (_name, leave) => {
    await using server = await serveStreams({ maxBufferedBytes: Number.POSITIVE_INFINITY })
    const opened = server.nextStream()
    const client = await connectRaw(server.port, get)
    const stream = await opened
    client.socket.pause()
    for (let n = 0; n < 200; n += 1) stream.send({ data: 'x'.repeat(100_000) })
    const ready = stream.ready()
    leave(client)
    client.socket.destroy()
    await expect(stream.closed).resolves.toBe('client')
    await expect(ready).resolves.toBe(false)
    expect(stream.bufferedBytes).toBe(0)
  })

  it('without FIN: nothing drains, and stallTimeoutMs ends the stream', async () => {
    await using server = await serveStreams({ stallTimeoutMs: 200, heartbeatIntervalMs: 0 })
    await using proxy = await startFaultProxy({ target: { port: server.port } })
    const opened = server.nextStream()
    const client = await connectRaw(proxy.port, get)
    const stream = await opened
    await client.until(/\r\n\r\n/)
    proxy.faults.set({ flow: 'paused' })
    const timer = setInterval(() => stream.send({ data: 'x'.repeat(100_000) }), 1)
    await expect(stream.closed).resolves.toBe('slow-consumer')
    clearInterval(timer)
  })

  it('a thousand times, with sources that wait: each is ended once, and no timer is left', async () => {
    let [started, finished, over] = [0, 0, 0]
    await using server = await serve(async (_req, res) => {
      const source = async function* ({ signal }: { readonly signal: AbortSignal }) {
        started += 1
        try {
          yield { data: 'x' }
          await once(signal, 'abort')
        } finally {
          finished += 1
        }
      }
      await sendResponse(res, respond(source))
      over += 1
    })
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const client = await connectRaw(server.port, get)
          await client.until(/data: x/)
          client.socket.destroy()
          await client.closed
        }),
      )
    }
    await vi.waitUntil(() => over === 1000, patience)
    expect([started, finished]).toEqual([1000, 1000])
    expect(timers()).toBeLessThanOrEqual(before)
  }, 60_000)

  it('a thousand times: nothing is left', async () => {
    await using server = await serveStreams({ heartbeatIntervalMs: 60_000 })
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          const client = await connectRaw(server.port, get)
          await client.until(/\r\n\r\n/)
          if (n % 2 === 0) client.socket.end()
          else client.socket.destroy()
          await client.closed
        }),
      )
    }
    await vi.waitUntil(() => server.reasons.length === 1000, patience)
    expect(new Set(server.reasons)).toEqual(new Set(['client']))
    await expect(Promise.all(server.streams.map((stream) => stream.ready()))).resolves.not.toContain(true)
    const connections = await new Promise((resolve, reject) => {
      server.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
    })
    expect(connections).toBe(0)
  }, 60_000)
})

describe('a snapshot of 5 MB', () => {
  const row = { data: 'x'.repeat(10_000) }

  it('that is sent in one loop ends the stream of a fast reader, and is reported once', async () => {
    const errors: unknown[] = []
    const reasons: CloseReason[] = []
    await using server = await serve((req, res) => {
      const stream = openEventStream(req, res, {
        onError: report,
        onClose: (reason) => reasons.push(reason),
      })
      for (let n = 0; n < 500; n += 1) stream.send(row)
    })
    function report(error: unknown): void {
      errors.push(error)
    }
    for (let visit = 0; visit < 2; visit += 1) {
      const client = await connectRaw(server.port, get)
      await client.closed
    }
    expect(reasons).toEqual(['slow-consumer', 'slow-consumer'])
    expect(errors).toMatchObject([{ code: 'buffer-overflow' }])
  })

  it('that waits for ready() arrives whole', async () => {
    await using server = await serve(async (req, res) => {
      const stream = openEventStream(req, res, { heartbeatIntervalMs: 0 })
      for (let n = 0; n < 500 && (await stream.ready()); n += 1) stream.send(row)
      stream.close()
    })
    const text = await (await fetch(server.url)).text()
    expect(text).toHaveLength(mark.length + 500 * 'data: \n\n'.length + 500 * 10_000)
  })
})

describe('a reader that stops while the source floods', () => {
  it('is disconnected with bounded memory, and other readers are not slowed', async () => {
    await using server = await serveStreams({ maxBufferedBytes: 500_000, heartbeatIntervalMs: 0 })
    const stopped = await connectRaw(server.port, get)
    await stopped.until(/\r\n\r\n/)
    stopped.socket.pause()
    const fine = await connectRaw(server.port, get)
    await vi.waitUntil(() => server.streams.length === 2, patience)
    const [slow, quick] = server.streams
    let peak = 0
    let sent = 0
    while (slow?.send({ data: 'x'.repeat(50_000) }) === true) {
      quick?.send({ data: `#${(sent += 1)}` })
      peak = Math.max(peak, slow.bufferedBytes)
      await new Promise(setImmediate)
    }
    await expect(slow?.closed).resolves.toBe('slow-consumer')
    // The limit, one frame, and the framing of chunks.
    expect(peak).toBeLessThan(500_000 + 51_000)
    await fine.until(new RegExp(`#${sent}\n`))
    expect(server.reasons).toEqual(['slow-consumer'])
  })
})

describe('the server', () => {
  it('closes when its streams have been closed', async () => {
    await using server = await serveStreams()
    const client = await connectRaw(server.port, get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    await client.until(/\r\n\r\n/)
    const closed = once(server.server.close(), 'close')
    for (const stream of server.streams) stream.close()
    await expect(closed).resolves.toEqual([])
  })
})

describe('openEventStream on node:http2', () => {
  it('sends the head at once, delivers events, and ends with close', async () => {
    const opened = Promise.withResolvers<EventStream>()
    await using server = await serveHttp2((req, res) => {
      res.setHeader('x-before', '1')
      opened.resolve(
        openEventStream(req, res, {
          heartbeatIntervalMs: 0,
          headers: { 'keep-alive': '5', connection: 'x' },
        }),
      )
    })
    const request = server.session.request({ ':path': '/?lastEventId=7' })
    const [headers] = (await once(request, 'response')) as [Record<string, string>]
    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream', 'x-before': '1' })
    expect(headers).not.toHaveProperty('keep-alive')
    const stream = await opened.promise
    expect(stream.lastEventId).toBe('7')
    let text = ''
    request.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
    for (const data of ['one', 'two']) {
      stream.send({ data })
      await vi.waitUntil(() => text.includes(`data: ${data}\n\n`), patience)
    }
    stream.close()
    await once(request, 'end')
    await expect(stream.closed).resolves.toBe('server')
    expect(text).toBe(mark + 'data: one\n\ndata: two\n\n')
  })

  it('notices that the client cancelled one stream, and the others go on', async () => {
    const streams: EventStream[] = []
    await using server = await serveHttp2((req, res) => {
      streams.push(openEventStream(req, res))
    })
    const requests = [server.session.request({ ':path': '/' }), server.session.request({ ':path': '/' })]
    await Promise.all(requests.map((request) => once(request, 'response')))
    requests[0]?.close()
    await expect(streams[0]?.closed).resolves.toBe('client')
    expect(streams[1]?.send({ data: 'x' })).toBe(true)
  })

  it('disconnects a reader that stops, by resetting its stream', async () => {
    const streams: EventStream[] = []
    await using server = await serveHttp2((req, res) => {
      streams.push(openEventStream(req, res, { maxBufferedBytes: 200_000 }))
    })
    const [stopped, fine] = [
      server.session.request({ ':path': '/' }),
      server.session.request({ ':path': '/' }),
    ]
    await Promise.all([once(stopped, 'response'), once(fine, 'response')])
    stopped.pause()
    const failure = once(stopped, 'error')
    let hasEnded = false
    stopped.on('end', () => {
      hasEnded = true
    })
    fine.resume()
    const [slow, quick] = streams
    let peak = 0
    while (slow?.send({ data: 'x'.repeat(20_000) }) === true) {
      peak = Math.max(peak, slow.bufferedBytes)
      await new Promise(setImmediate)
    }
    await expect(slow?.closed).resolves.toBe('slow-consumer')
    expect(peak).toBeLessThan(200_000 + 21_000)
    expect(quick?.send({ data: 'x' })).toBe(true)
    // The part that came is not taken for the whole.
    stopped.resume()
    await expect(failure).resolves.toMatchObject([{ code: 'ERR_HTTP2_STREAM_ERROR' }])
    expect([hasEnded, stopped.rstCode]).toEqual([false, constants.NGHTTP2_INTERNAL_ERROR])
  })

  it('answers HEAD with the head alone', async () => {
    const opened = Promise.withResolvers<EventStream>()
    await using server = await serveHttp2((req, res) => opened.resolve(openEventStream(req, res)))
    const request = server.session.request({ ':path': '/', ':method': 'HEAD' })
    const [headers] = (await once(request, 'response')) as [Record<string, string>]
    expect(headers['content-type']).toBe('text/event-stream')
    await expect((await opened.promise).closed).resolves.toBe('server')
  })
})

describe('a request of node:http as the client', () => {
  it('sees the end as an end, and a destroyed connection as an error', async () => {
    await using server = await serveStreams({ maxBufferedBytes: 1, heartbeatIntervalMs: 0 })
    const request = httpRequest(server.url).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const failure = once(response, 'error')
    response.resume()
    server.streams[0]?.close()
    await once(response, 'end')
    const second = httpRequest(server.url).end()
    const [stopped] = (await once(second, 'response')) as [IncomingMessage]
    stopped.pause()
    const stream = server.streams[1]
    while (stream?.send({ data: 'x'.repeat(100_000) }) === true) await new Promise(setImmediate)
    stopped.resume()
    const [error] = (await Promise.race([once(stopped, 'error'), failure])) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
  })
})

describe('openEventStream', () => {
  it.each([
    [202, 202],
    [404, 200],
    [500, 200],
  ])('keeps a status of success that was set before, and no other: %i is sent as %i', async (set, sent) => {
    await using server = await serveStreams({ heartbeatIntervalMs: 0 }, (_req, res) => {
      res.statusCode = set
    })
    const response = await fetch(server.url)
    expect(response.status).toBe(sent)
    await response.body?.cancel()
  })

  it.each<[string, unknown, unknown, string]>([
    ['request', { raw: {}, headers: {} }, {}, 'pass its property raw'],
    ['response', { headers: {} }, { raw: {}, statusCode: 200 }, 'pass its property raw'],
    ['request', new Request('http://localhost/'), undefined, 'a Node response'],
    ['request', undefined, {}, 'a Node request'],
  ])('says what is wrong with a %s that is not one of Node', (_option, request, response, advice) => {
    expect(() => openEventStream(request as never, response as never)).toThrow(advice)
  })

  it('writes through a prototype that a monitoring agent has wrapped', async () => {
    const { prototype } = ServerResponse
    const pieces: string[] = []
    const write = Reflect.get(prototype, 'write') as (this: ServerResponse, piece: Uint8Array) => boolean
    Reflect.set(prototype, 'write', function (this: ServerResponse, piece: Uint8Array): boolean {
      pieces.push(Buffer.from(piece).toString())
      return write.call(this, piece)
    })
    try {
      await using server = await serveStreams({ heartbeatIntervalMs: 0 })
      const opened = server.nextStream()
      const client = await connectRaw(server.port, get)
      ;(await opened).send({ data: 'seen' })
      await client.until(/data: seen/)
      expect(pieces.join('')).toContain('data: seen')
      client.socket.destroy()
    } finally {
      Reflect.deleteProperty(prototype, 'write')
    }
  })
})
