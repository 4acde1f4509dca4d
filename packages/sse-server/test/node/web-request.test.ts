import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { respondOnFirstEvent } from '@sse-toolkit/sse-server'
import { toNodeHandler, webRequest } from '@sse-toolkit/sse-server/node'
import { connectRaw, serve, serveHttp2 } from './servers.ts'

describe('webRequest', () => {
  it.each([
    ['GET /a?b=c HTTP/1.1\r\nHost: example.com:81\r\n', 'GET', 'http://example.com:81/a?b=c'],
    ['HEAD / HTTP/1.1\r\nHost: example.com\r\n', 'HEAD', 'http://example.com/'],
    ['POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n', 'POST', 'http://example.com/'],
    ['QUERY / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n', 'QUERY', 'http://example.com/'],
    ['DELETE / HTTP/1.1\r\nHost: example.com\r\n', 'DELETE', 'http://example.com/'],
    ['GET //evil.example/x HTTP/1.1\r\nHost: example.com\r\n', 'GET', 'http://example.com//evil.example/x'],
    ['GET http://other.example/x HTTP/1.1\r\nHost: example.com\r\n', 'GET', 'http://other.example/x'],
    ['OPTIONS * HTTP/1.1\r\nHost: example.com\r\n', 'OPTIONS', 'http://example.com/'],
    ['GET / HTTP/1.1\r\nHost: not a host\r\n', 'GET', 'http://localhost/'],
    ['GET / HTTP/1.0\r\n', 'GET', 'http://localhost/'],
  ])('has the method, the URL and the fields of %j', async (head, method, url) => {
    const requests: Request[] = []
    await using server = await serve((req, res) => {
      requests.push(webRequest(req))
      res.end()
    })
    const client = await connectRaw(server.port, `${head}Last-Event-ID: 7\r\nConnection: close\r\n\r\n`)
    await client.closed
    const [request] = requests
    expect([request?.method, request?.url, request?.headers.get('last-event-id')]).toEqual([method, url, '7'])
  })

  it('of HTTP/2 has no pseudo-fields', async () => {
    const requests: Request[] = []
    await using server = await serveHttp2((req, res) => {
      requests.push(webRequest(req))
      res.end()
    })
    const request = server.session.request({ ':path': '/a', 'last-event-id': '7' }).resume()
    await once(request, 'end')
    expect(requests[0]?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/a$/)
    expect([...(requests[0]?.headers ?? [])]).toEqual([['last-event-id', '7']])
  })

  it.each([
    ['a length', 'Content-Length: 5\r\n\r\nhello'],
    ['the chunked coding', 'Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'],
  ])('has the content that comes with %s', async (_name, rest) => {
    await using server = await serve(async (req, res) => {
      res.end(`<${await webRequest(req, res).text()}>`)
    })
    const client = await connectRaw(server.port, `POST / HTTP/1.1\r\nHost: a\r\n${rest}`)
    await client.until(/>/)
    expect(client.text).toContain('<hello>')
    client.socket.destroy()
  })

  it('has the content over HTTP/2', async () => {
    await using server = await serveHttp2((req, res) => {
      void webRequest(req, res)
        .text()
        .then((text) => res.end(`<${text}>`))
    })
    const request = server.session.request({ ':method': 'POST', ':path': '/' }).setEncoding('utf8')
    request.end('hello')
    expect(await once(request, 'data')).toEqual(['<hello>'])
  })

  it('has no content that a body parser has read', async () => {
    await using server = await serve(async (req, res) => {
      for await (const piece of req) expect(String(piece)).toBe('hello')
      res.end(webRequest(req, res).body === null ? 'none' : 'some')
    })
    expect(await (await fetch(server.url, { method: 'POST', body: 'hello' })).text()).toBe('none')
  })

  it('can be answered after half of its content was read, and the connection stays open', async () => {
    await using server = await serve(async (req, res) => {
      const reader = webRequest(req, res).body?.getReader()
      await reader?.read()
      await reader?.cancel()
      res.end('enough')
    })
    const post = (size: number): string =>
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`
    const client = await connectRaw(server.port, post(500_000))
    await client.until(/enough/)
    client.socket.write(post(3))
    await client.until(/enough[^]*enough/)
    expect(client.text.match(/200 OK/g)).toHaveLength(2)
    client.socket.destroy()
  })

  it('rejects the read when the client leaves in the middle of the content', async () => {
    const failed = Promise.withResolvers<unknown>()
    await using server = await serve((req, res) => {
      webRequest(req, res).text().catch(failed.resolve)
    })
    const client = await connectRaw(
      server.port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf',
    )
    setImmediate(() => client.socket.destroy())
    expect(await failed.promise).toBeInstanceOf(Error)
  })

  it.each([
    ['before there is an answer', () => undefined],
    ['while it is answered', (res: ServerResponse) => void res.write('half')],
  ])('aborts its signal when the client leaves %s', async (_name, begin) => {
    for (const withResponse of [true, false]) {
      const signals: AbortSignal[] = []
      await using server = await serve((req, res) => {
        signals.push(webRequest(req, withResponse ? res : undefined).signal)
        begin(res)
      })
      const client = await connectRaw(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await vi.waitUntil(() => signals.length === 1, patience)
      expect(signals[0]?.aborted).toBe(false)
      client.socket.destroy()
      await vi.waitUntil(() => signals[0]?.aborted === true, patience)
    }
  })

  it('aborts its signal when a stream of HTTP/2 is reset', async () => {
    const signals: AbortSignal[] = []
    await using server = await serveHttp2((req, res) => {
      signals.push(webRequest(req, res).signal)
    })
    const request = server.session.request({ ':path': '/' })
    request.on('error', () => undefined)
    await vi.waitUntil(() => signals.length === 1, patience)
    request.close(8)
    await vi.waitUntil(() => signals[0]?.aborted === true, patience)
  })

  it('has an aborted signal from the start if the client has already left', async () => {
    const requests: Request[] = []
    await using server = await serve((req, res) => {
      res.once('close', () => requests.push(webRequest(req, res)))
    })
    const client = await connectRaw(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    client.socket.destroy()
    await vi.waitUntil(() => requests[0]?.signal.aborted === true, patience)
  })

  it('does not abort its signal after the request was answered', async () => {
    const signals: AbortSignal[] = []
    const closed: unknown[] = []
    await using server = await serve((req, res) => {
      signals.push(webRequest(req, res).signal)
      res.once('close', () => closed.push(signals[0]?.aborted))
      res.end('answer')
    })
    await (await fetch(server.url)).text()
    await vi.waitUntil(() => closed.length === 1, patience)
    expect(signals[0]?.aborted).toBe(false)
  })
})

describe('respondOnFirstEvent behind node:http', () => {
  it('ends its source when the client leaves before the first event', async () => {
    let ended = 0
    let begun = 0
    await using server = await serve(
      toNodeHandler((request) =>
        respondOnFirstEvent(
          async function* ({ signal }) {
            begun += 1
            await once(signal, 'abort')
            ended += 1
            yield* []
          },
          { request },
        ),
      ),
    )
    const head = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => connectRaw(server.port, head)))
    await vi.waitUntil(() => begun === 5, patience)
    for (const { socket } of clients) socket.destroy()
    await vi.waitUntil(() => ended === 5, patience)
  })
})
