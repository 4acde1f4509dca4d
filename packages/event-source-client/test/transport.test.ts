import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import {
  brotliCompressSync,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from 'node:zlib'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import { Agent, H2CClient, ProxyAgent } from 'undici'
import { describe, expect, it } from 'vitest'
import { fetchTransport } from '../src/transport/fetch.ts'
import { undiciTransport } from '../src/transport/undici.node.ts'
import { exchangeWith, requestOf } from './exchange.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function serve(handler: Handler): Promise<{ url: string; port: number } & AsyncDisposable> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

const transports = [
  ['undici', undiciTransport()],
  ['undici with a shared dispatcher', undiciTransport(new Agent())],
  ['fetch', fetchTransport()],
] as const

describe.each(transports)('the transport %s', (name, transport) => {
  it('a transport gives the head, the body and the end', async () => {
    await using server = await serve((request, response) => {
      response.writeHead(200, { 'x-method': request.method ?? '', 'x-two': ['a', 'b'] }).end('hello')
    })
    const exchange = exchangeWith(transport, requestOf(`${server.url}/x?y=1`))
    const { status, headers, url } = await exchange.response
    expect([status, headers.get('x-method'), headers.get('x-two'), url]).toEqual([
      200,
      'GET',
      'a, b',
      `${server.url}/x?y=1`,
    ])
    expect(await exchange.text).toBe('hello')
    expect(exchange.calls).toEqual(['response', 'data', 'end'])
  })

  it('a transport never calls the sink before it has returned', async () => {
    let returned = false
    const error = await new Promise((resolve) => {
      const exchange = transport(requestOf('nope://x'), {
        onResponse: () => {},
        onData: () => {},
        onEnd: () => {},
        onError: (cause) => resolve(returned ? cause : 'too early'),
      })
      returned = exchange !== undefined
    })
    expect(error).toBeInstanceOf(Error)
  })

  it.each([
    ['a string', () => 'é=1', 'text/plain;charset=UTF-8', 'é=1'],
    [
      'URLSearchParams',
      () => new URLSearchParams({ a: 'b c' }),
      'application/x-www-form-urlencoded;charset=UTF-8',
      'a=b+c',
    ],
    ['bytes', () => new TextEncoder().encode('raw'), '', 'raw'],
    ['a Blob', () => new Blob(['blob'], { type: 'text/x' }), 'text/x', 'blob'],
    ['a stream', () => new Blob(['streamed']).stream(), '', 'streamed'],
  ])('a transport sends %s as the body', async (_kind, makeBody, type, text) => {
    await using server = await serve((request, response) => {
      void bodyOf(request).then((body) => response.end(`${request.headers['content-type'] ?? ''}|${body}`))
    })
    const exchange = exchangeWith(
      transport,
      requestOf(server.url, { method: 'POST', body: makeBody() as string }),
    )
    expect(await exchange.text).toBe(`${type}|${text}`)
  })

  it('a transport reports a body that is cut off as an error, not as an end', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead()
      await exchange.writeBody('data: a\n\n')
      exchange.end()
    })
    const exchange = exchangeWith(transport, requestOf(server.url))
    await expect(exchange.text).rejects.toBeInstanceOf(Error)
    expect(exchange.calls).toEqual(['response', 'data', 'error'])
  })

  it('a transport reports a refused connection and an unknown host', async () => {
    const server = await serve(() => {})
    await server[Symbol.asyncDispose]()
    await expect(exchangeWith(transport, requestOf(server.url)).response).rejects.toBeInstanceOf(Error)
    const nowhere = exchangeWith(transport, requestOf('http://no-such-host.invalid/'))
    await expect(nowhere.response).rejects.toBeInstanceOf(Error)
  })

  it('a transport is silent after an abort at any stage, and closes the connection', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      if (exchange.request.target === '/no-head') return
      await exchange.writeEventStreamHead()
      await exchange.writeBody('data: a\n\n')
    })
    const atOnce = exchangeWith(transport, requestOf(server.url))
    atOnce.abort()
    const beforeHead = exchangeWith(transport, requestOf(`${server.url}/no-head`))
    await server.nextRequest()
    beforeHead.abort()
    const inBody = exchangeWith(transport, requestOf(server.url))
    await inBody.response
    inBody.abort()
    await expect.poll(() => server.connections).toBe(0)
    expect([atOnce.calls, beforeHead.calls]).toEqual([[], []])
    expect(inBody.calls).not.toContain('error')
    expect(inBody.calls).not.toContain('end')
  })

  it('a transport stops reading from the socket while paused, and loses nothing', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const total = 64 * 1024 * 1024
    let written = 0
    await using server = await serve((_request, response) => {
      const pump = (): void => {
        while (written < total) {
          written += chunk.length
          if (!response.write(chunk)) return void response.once('drain', pump)
        }
        response.end()
      }
      pump()
    })
    const exchange = exchangeWith(transport, requestOf(server.url))
    await exchange.response
    exchange.pause()
    // The pause shows only once the kernel's buffers are full: wait until no more bytes arrive.
    let before = -1
    while (before !== written) {
      before = written
      await delay(100)
    }
    expect(written).toBeLessThan(total / 2)
    const receivedWhilePaused = exchange.receivedBytes()
    exchange.resume()
    await exchange.text
    expect(receivedWhilePaused).toBeLessThan(2 * 1024 * 1024)
    expect(exchange.receivedBytes()).toBe(total)
  })

  describe('on redirects', () => {
    /** Answers /<status> with a redirect to `target`, and /echo with what it got. */
    const redirecting =
      (target: () => string): Handler =>
      (request, response) => {
        const status = /^\/(30\d)/.exec(request.url ?? '')?.[1]
        void bodyOf(request).then((body) => {
          const { url, method, headers } = request
          if (status) response.writeHead(Number(status), { location: target() })
          return response.end(status ? '' : JSON.stringify({ url, method, body, headers }))
        })
      }

    it.each([
      [301, 'GET', 'GET'],
      [302, 'POST', 'GET'],
      [303, 'PUT', 'GET'],
      [307, 'POST', 'POST'],
      [308, 'POST', 'POST'],
      [301, 'PUT', 'PUT'],
    ])(
      'a redirect with %d turns %s into %s (Fetch, "HTTP-redirect fetch")',
      async (status, method, expected) => {
        await using server = await serve(redirecting(() => '/echo?1'))
        const body = method === 'GET' ? null : 'payload'
        const exchange = exchangeWith(transport, requestOf(`${server.url}/${status}`, { method, body }))
        const echo = JSON.parse(await exchange.text) as {
          url: string
          method: string
          body: string
          headers: Record<string, string>
        }
        const keepsBody = expected === method && body !== null
        expect([echo.url, echo.method, echo.body]).toEqual(['/echo?1', expected, keepsBody ? 'payload' : ''])
        expect('content-type' in echo.headers).toBe(keepsBody)
        expect((await exchange.response).url).toBe(`${server.url}/echo?1`)
      },
    )

    it('a redirect keeps Authorization within the same origin only', async () => {
      await using other = await serve(redirecting(() => '/echo'))
      await using server = await serve(redirecting(() => (isCross ? `${other.url}/echo` : '/echo')))
      let isCross = false
      const seen = async (): Promise<string | undefined> => {
        const headers = new Headers({ authorization: 'Bearer x' })
        const exchange = exchangeWith(transport, requestOf(`${server.url}/302`, { headers }))
        return (JSON.parse(await exchange.text) as { headers: Record<string, string> }).headers.authorization
      }
      expect(await seen()).toBe('Bearer x')
      isCross = true
      expect(await seen()).toBeUndefined()
    })

    it('a redirect never takes a named secret field to another origin', async () => {
      const seen: (string | undefined)[] = []
      await using other = await serve((request, response) => {
        seen.push(request.headers['x-key'] as string | undefined)
        response.end()
      })
      await using server = await serve(redirecting(() => other.url))
      const request = requestOf(`${server.url}/307`, {
        headers: new Headers({ 'x-key': 's' }),
        secretHeaders: ['x-key'],
      })
      const exchange = exchangeWith(transport, request)
      // undici drops the field and follows; fetch does not follow.
      const { status } = await exchange.response
      expect([status, ...seen]).toEqual(name === 'fetch' ? [307] : [200, undefined])
    })

    it('the transport gives up on a redirect loop', async () => {
      let hops = 0
      await using server = await serve((_request, response) => {
        hops += 1
        response.writeHead(302, { location: '/' }).end()
      })
      await expect(exchangeWith(transport, requestOf(server.url)).response).rejects.toBeInstanceOf(Error)
      expect(hops).toBe(21)
    })

    it('a redirect to another scheme is not followed', async () => {
      await using server = await serve((_request, response) => {
        response.writeHead(302, { location: 'file:///etc/passwd' }).end()
      })
      await expect(exchangeWith(transport, requestOf(server.url)).response).rejects.toBeInstanceOf(Error)
    })

    it('a redirect status without Location is returned as the response', async () => {
      await using server = await serve((_request, response) => {
        response.writeHead(302).end('no way')
      })
      const exchange = exchangeWith(transport, requestOf(server.url))
      expect((await exchange.response).status).toBe(302)
      expect(await exchange.text).toBe('no way')
    })
  })
})

describe('the transport undici', () => {
  it('undici aborts a connection that is still being made', async () => {
    // Accepts, and never answers the TLS handshake.
    const silent = createTcpServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const accepted = once(silent, 'connection') as Promise<[Socket]>
    const { port } = silent.address() as AddressInfo
    const exchange = exchangeWith(undiciTransport(), requestOf(`https://127.0.0.1:${port}/`))
    const [socket] = await accepted
    const closed = once(socket.on('error', () => {}).resume(), 'close')
    exchange.abort()
    await closed
    expect(exchange.calls).toEqual([])
    silent.close()
  })

  it.each([
    ['us%40er:p%C3%A9', 'us@er:pé'],
    ['a%zz:100%', 'a%zz:100%'],
  ])('undici sends the credentials of a URL: %s', async (written, meant) => {
    await using server = await serve((request, response) => response.end(request.headers.authorization))
    const exchange = exchangeWith(undiciTransport(), requestOf(server.url.replace('//', `//${written}@`)))
    expect(await exchange.text).toBe(`Basic ${Buffer.from(meant).toString('base64')}`)
  })

  it.each(['gzip', 'deflate', 'br', 'zstd'] as const)(
    'undici decodes %s, each flush at once',
    async (encoding) => {
      const compress = {
        gzip: () => createGzip(),
        deflate: () => createDeflate(),
        br: () => createBrotliCompress(),
        zstd: () => createZstdCompress(),
      }[encoding]()
      await using server = await serve((_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding })
        compress.pipe(response)
        compress.write('first ')
        compress.flush()
      })
      const exchange = exchangeWith(undiciTransport(), requestOf(server.url))
      await expect.poll(() => exchange.receivedBytes()).toBe(6)
      compress.end('second')
      expect(await exchange.text).toBe('first second')
    },
  )

  it('undici stops reading from the socket while paused, even if the body is compressed', async () => {
    const chunk = gzipSync(randomBytes(256 * 1024))
    let written = 0
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      const pump = (): void => {
        while (!response.destroyed) {
          written += chunk.length
          if (!response.write(chunk)) return void response.once('drain', pump)
        }
      }
      pump()
    })
    const exchange = exchangeWith(undiciTransport(), requestOf(server.url))
    await exchange.response
    exchange.pause()
    let before = -1
    while (before !== written) {
      before = written
      await delay(100)
    }
    expect(written).toBeLessThan(32 * 1024 * 1024)
    exchange.resume()
    await expect.poll(() => written).toBeGreaterThan(before)
    exchange.abort()
  })

  it.each(['none', 'utf-8', 'magic', 'gzip, magic', 'identity', ''])(
    'undici passes a body on as it is whose Content-Encoding is %j (Fetch, "handle content codings")',
    async (encoding) => {
      await using server = await serve((_request, response) => {
        response.writeHead(404, { 'content-encoding': encoding }).end('as it is')
      })
      const exchange = exchangeWith(undiciTransport(), requestOf(server.url))
      expect([(await exchange.response).status, await exchange.text]).toEqual([404, 'as it is'])
    },
  )

  it.each([
    ['deflate', [deflateRawSync]],
    ['gzip, gzip', [gzipSync, gzipSync]],
    ['br, gzip', [brotliCompressSync, gzipSync]],
    [' GZIP ,identity, Deflate ', [gzipSync, deflateSync]],
  ] as const)('undici decodes the content coding %j in reverse order', async (encoding, codings) => {
    const body = codings.reduce<Buffer>((bytes, code) => code(bytes), Buffer.from('content'.repeat(1000)))
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding })
      // In two pieces, since the first byte may come alone.
      response.write(body.subarray(0, 1))
      response.end(body.subarray(1))
    })
    expect(await exchangeWith(undiciTransport(), requestOf(server.url)).text).toBe('content'.repeat(1000))
  })

  it("a dispatcher's own timeouts do not cut the stream, neither before the head nor in the body", async () => {
    const dispatcher = new Agent({ headersTimeout: 100, bodyTimeout: 100 })
    await using server = await startScriptedServer(async (exchange) => {
      await delay(700)
      await exchange.writeEventStreamHead()
      await delay(700)
      await exchange.writeBody('late')
      await exchange.endBody()
    })
    expect(await exchangeWith(undiciTransport(dispatcher), requestOf(server.url)).text).toBe('late')
    await dispatcher.close()
  })

  it('undici goes through a proxy', async () => {
    const asked: string[] = []
    await using proxy = await serve((request, response) => {
      asked.push(request.url ?? '')
      response.end('by proxy')
    })
    const dispatcher = new ProxyAgent({ uri: proxy.url, proxyTunnel: false })
    const exchange = exchangeWith(undiciTransport(dispatcher), requestOf('http://far.away.example/stream'))
    expect(await exchange.text).toBe('by proxy')
    expect(asked).toEqual(['http://far.away.example/stream'])
    await dispatcher.close()
  })

  it('undici shares one HTTP/2 session among streams, pauses each on its own, and aborts one without the other', async () => {
    const sessions = new Set<unknown>()
    const aborted: string[] = []
    const server = createHttp2Server()
    server.on('session', (session) => sessions.add(session))
    server.on('stream', (stream, headers) => {
      const path = String(headers[':path'])
      stream.on('error', () => {})
      stream.on('aborted', () => aborted.push(path))
      stream.respond({ ':status': 200 })
      stream.write(`hello ${path}`)
      if (path === '/flood') stream.write(Buffer.alloc(8 * 1024 * 1024))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const dispatcher = new H2CClient(url)
    const transport = undiciTransport(dispatcher)
    const calm = exchangeWith(transport, requestOf(`${url}/calm`))
    const flood = exchangeWith(transport, requestOf(`${url}/flood`))
    await flood.response
    flood.pause()
    await expect.poll(() => calm.receivedBytes()).toBe(11)
    await delay(100)
    expect(flood.receivedBytes()).toBeLessThan(1024 * 1024)
    flood.abort()
    await expect.poll(() => aborted).toEqual(['/flood'])
    expect([sessions.size, calm.calls]).toEqual([1, ['response', 'data']])
    calm.abort()
    await dispatcher.destroy()
    server.close()
  })

  it('undici sends the fields that bypass caches, as fetch does for no-store', async () => {
    await using server = await serve((request, response) =>
      response.end(`${request.headers['cache-control']} ${request.headers.pragma}`),
    )
    expect(await exchangeWith(undiciTransport(), requestOf(server.url)).text).toBe('no-cache no-cache')
  })
})
