import { once } from 'node:events'
import { get } from 'node:https'
import type { RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { textResponse } from '../src/index.ts'
import { createServer } from '../src/node/index.ts'
import { testOnly, testOnlyRenewed } from './certificates.ts'
import { rawClient } from './raw-client.ts'
import { eventually, recordingLogger, serving } from './serving.ts'

const show = (request: Request): Response => textResponse(request.url)

async function fetchText(port: number, options: RequestOptions = {}): Promise<string> {
  const request = get({ port, host: 'localhost', ca: testOnly.cert, agent: false, ...options })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return text
}

async function handshake(port: number, protocols?: readonly string[]): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: 'localhost',
    ca: testOnly.cert,
    ...(protocols !== undefined && { ALPNProtocols: [...protocols] }),
  })
  socket.on('error', () => {})
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'secureConnect')
  return socket
}

describe('TLS', () => {
  it('serves https, to clients with and without ALPN', async () => {
    const server = await serving({ fetch: show, tls: testOnly })
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`)
    expect(await fetchText(server.port)).toBe(`https://localhost:${server.port}/`)
    expect((await handshake(server.port)).alpnProtocol).toBe(false)
    expect((await handshake(server.port, ['http/1.1'])).alpnProtocol).toBe('http/1.1')
    expect((await handshake(server.port, ['h2', 'http/1.1'])).alpnProtocol).toBe('h2')
  })

  it("offers HTTP/1.1 alone where http2 is 'off'", async () => {
    const server = await serving({ fetch: show, tls: testOnly, http2: 'off' })
    expect((await handshake(server.port, ['h2', 'http/1.1'])).alpnProtocol).toBe('http/1.1')
  })

  it('keeps connections alive, and has the limits of HTTP/1.1', async () => {
    const server = await serving({ fetch: show, tls: testOnly, maxTargetBytes: 100 })
    const socket = await handshake(server.port)
    socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(String((await once(socket, 'data'))[0])).toContain('https://a/1')
    socket.write(`GET /${'x'.repeat(100)} HTTP/1.1\r\nHost: a\r\n\r\n`)
    expect(String((await once(socket, 'data'))[0])).toContain('HTTP/1.1 414 ')
  })

  it('says so, and goes on, when a handshake fails', async () => {
    const logger = recordingLogger()
    const server = await serving({ fetch: show, tls: testOnly, logger })
    const client = await rawClient(server.port)
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.closed
    await eventually(() => logger.records.some(({ event }) => event === 'connection-failed'))
    expect(await fetchText(server.port)).toBe(`https://localhost:${server.port}/`)
    await eventually(() => server.activeConnections === 0)
  })

  it('cuts a handshake that takes longer than headersTimeoutMs', async () => {
    const server = await serving({ fetch: show, tls: testOnly, headersTimeoutMs: 50 })
    const client = await rawClient(server.port)
    expect(await client.closed).toBe('')
  })

  it('takes another certificate while it runs', async () => {
    const server = await serving({ fetch: show, tls: testOnly })
    const before = await handshake(server.port)
    server.setSecureContext(testOnlyRenewed)
    await expect(fetchText(server.port)).rejects.toThrow('self-signed')
    expect(await fetchText(server.port, { ca: testOnlyRenewed.cert })).toBe(
      `https://localhost:${server.port}/`,
    )
    expect(before.destroyed).toBe(false)
    expect(() => {
      server.setSecureContext({ key: 'x', cert: 'y' })
    }).toThrow(expect.objectContaining({ option: 'tls' }))
  })

  it('asks clients for certificates if the options say so', async () => {
    const server = await serving({
      fetch: show,
      tls: { ...testOnly, requestCert: true, rejectUnauthorized: true, ca: testOnlyRenewed.cert },
    })
    await expect(fetchText(server.port)).rejects.toThrow()
    expect(
      await fetchText(server.port, testOnlyRenewed && { ...testOnlyRenewed, ca: testOnly.cert }),
    ).toContain('https://')
  })

  it('refuses invalid options', async () => {
    const make = (tls: object): unknown => createServer({ fetch: show, tls })
    expect(() => make({ key: 'x', cert: 'y' })).toThrow(expect.objectContaining({ option: 'tls' }))
    expect(() => createServer({ fetch: show, http2: 'on' as 'off' })).toThrow(
      expect.objectContaining({ option: 'http2' }),
    )
    const plain = await serving({ fetch: show })
    expect(() => {
      plain.setSecureContext(testOnly)
    }).toThrow(expect.objectContaining({ option: 'tls' }))
  })

  it('closes connections that have not said a word, when it stops', async () => {
    const server = await serving({ fetch: show, tls: testOnly })
    const secured = await handshake(server.port)
    const silent = await rawClient(server.port)
    const closed = once(secured, 'close')
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    await Promise.all([closed, silent.closed])
  })

  it('breaks event streams off after what they sent, when it stops', async () => {
    const server = await serving({
      tls: testOnly,
      fetch: () =>
        new Response(
          new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('data: x\n\n')) }),
          {
            headers: { 'content-type': 'text/event-stream' },
          },
        ),
    })
    const text = fetchText(server.port)
    text.catch(() => undefined)
    await eventually(() => server.requestsInFlight === 1)
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    await expect(text).rejects.toThrow()
  })
})
