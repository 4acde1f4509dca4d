import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { webRequest } from '@sse-toolkit/sse-server/node'
import { connectRaw, serve, serveHttp2 } from './servers.ts'

describe('webRequest', () => {
  it.each([
    ['GET /a?b=c HTTP/1.1\r\nHost: example.com:81\r\n', 'GET', 'http://example.com:81/a?b=c'],
    ['HEAD / HTTP/1.1\r\nHost: example.com\r\n', 'HEAD', 'http://example.com/'],
    ['POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n', 'GET', 'http://example.com/'],
    ['GET //evil.example/x HTTP/1.1\r\nHost: example.com\r\n', 'GET', 'http://example.com//evil.example/x'],
    ['GET http://other.example/x HTTP/1.1\r\nHost: example.com\r\n', 'GET', 'http://other.example/x'],
    ['OPTIONS * HTTP/1.1\r\nHost: example.com\r\n', 'GET', 'http://example.com/'],
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
})
