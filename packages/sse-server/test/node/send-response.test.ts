import { once } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { patience } from '@sse-toolkit/test-support'
import { createHub, respond, respondRaw } from '@sse-toolkit/sse-server'
import { sendResponse } from '@sse-toolkit/sse-server/node'
import { mark } from '../recording-sink.ts'
import { connectRaw, serve, serveHttp2 } from './servers.ts'

const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

describe('sendResponse', () => {
  it('sends status, fields and body of any response', async () => {
    await using server = await serve((_req, res) => {
      res.setHeader('x-before', '1')
      void sendResponse(
        res,
        Response.json({ a: 1 }, { status: 201, statusText: 'Made', headers: { 'x-after': '2' } }),
      )
    })
    const response = await fetch(server.url)
    expect([response.status, response.statusText]).toEqual([201, 'Made'])
    expect([response.headers.get('x-before'), response.headers.get('x-after')]).toEqual(['1', '2'])
    expect(await response.json()).toEqual({ a: 1 })
  })

  it('sends an event stream straight to the socket: its web body stays unread', async () => {
    const responses: Response[] = []
    await using server = await serve((_req, res) => {
      const response = respond([{ data: 'one' }], { heartbeatIntervalMs: 0 })
      responses.push(response)
      void sendResponse(res, response)
    })
    expect(await (await fetch(server.url)).text()).toBe(mark + 'data: one\n\n')
    expect(responses[0]?.bodyUsed).toBe(false)
  })

  it('resolves when the client left', async () => {
    const over = vi.fn<() => void>()
    await using server = await serve((_req, res) => {
      void sendResponse(
        res,
        respond(() => undefined),
      ).then(over)
    })
    const client = await connectRaw(server.port, get)
    await client.until(/heartbeat/)
    client.socket.destroy()
    await vi.waitUntil(() => over.mock.calls.length === 1, patience)
  })

  it('reads a body no faster than the client, and cancels it when the client leaves', async () => {
    let made = 0
    const cancel = vi.fn<() => void>()
    await using server = await serve((_req, res) => {
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          made += 1
          controller.enqueue(new Uint8Array(100_000))
        },
        cancel,
      })
      void sendResponse(res, new Response(body))
    })
    const client = await connectRaw(server.port, get)
    client.socket.pause()
    let before = -1
    while (before !== made) {
      before = made
      await new Promise((resolve) => {
        setTimeout(resolve, 50)
      })
    }
    expect(made).toBeLessThan(200)
    client.socket.destroy()
    await vi.waitUntil(() => cancel.mock.calls.length === 1, patience)
  })

  it('cancels a body that is waiting when the client leaves', async () => {
    const cancel = vi.fn<() => void>()
    await using server = await serve((_req, res) => {
      void sendResponse(res, new Response(new ReadableStream({ cancel })))
    })
    const client = await connectRaw(server.port, get)
    await client.until(/\r\n\r\n/)
    client.socket.destroy()
    await vi.waitUntil(() => cancel.mock.calls.length === 1, patience)
  })

  it('destroys the connection when the body fails, and rejects with its error', async () => {
    const failure = new Error('body')
    const outcomes: unknown[] = []
    await using server = await serve((_req, res) => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode('begin')),
        pull: (controller) => controller.error(failure),
      })
      sendResponse(res, new Response(body)).catch((error: unknown) => outcomes.push(error))
    })
    const client = await connectRaw(server.port, get)
    await client.closed
    expect(client.text).not.toMatch(/0\r\n\r\n$/)
    await vi.waitUntil(() => outcomes.length === 1, patience)
    expect(outcomes).toEqual([failure])
  })

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('to %s with %i sends no body, and cancels it', async (method, status) => {
    const cancel = vi.fn<() => void>()
    await using server = await serve((_req, res) => {
      const body = status === 200 ? new ReadableStream({ cancel }) : null
      void sendResponse(res, new Response(body, { status, headers: { 'x-field': '1' } }))
    })
    const client = await connectRaw(
      server.port,
      get.replace('GET', method).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    )
    await client.closed
    expect(client.text).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*x-field: 1[^]*\r\n\r\n$`))
    expect(cancel).toHaveBeenCalledTimes(status === 200 ? 1 : 0)
  })

  it('rejects when the head has been sent', async () => {
    const outcomes: unknown[] = []
    await using server = await serve((_req, res) => {
      res.flushHeaders()
      sendResponse(res, respond([])).catch((error: unknown) => {
        outcomes.push(error)
        res.end()
      })
    })
    await (await fetch(server.url)).text()
    expect(outcomes).toMatchObject([{ code: 'head-sent' }])
  })

  it('rejects a promise of a response, with nothing sent', async () => {
    const outcomes: unknown[] = []
    await using server = await serve((_req, res) => {
      sendResponse(res, Promise.resolve(respond([])) as never).catch((error: unknown) => {
        outcomes.push(error)
        res.writeHead(500).end()
      })
    })
    expect((await fetch(server.url)).status).toBe(500)
    expect(outcomes).toMatchObject([
      { code: 'invalid-option', message: 'response: expected a Response, got a promise.' },
    ])
  })

  it('works on HTTP/2, for event streams and other bodies', async () => {
    await using server = await serveHttp2((req, res) => {
      const response = req.url === '/raw' ? new Response('plain') : respondRaw(['data: one\n\n'])
      void sendResponse(res, response)
    })
    for (const [path, expected] of [
      ['/events', 'data: one\n\n'],
      ['/raw', 'plain'],
    ] as const) {
      const request = server.session.request({ ':path': path }).setEncoding('utf8')
      let text = ''
      request.on('data', (piece: string) => {
        text += piece
      })
      await once(request, 'end')
      expect(text).toBe(expected)
    }
  })

  it('carries a hub: replay, live events, and the end', async () => {
    const hub = createHub({ heartbeatIntervalMs: 0 })
    await hub.publish('a', { data: 'before' })
    await using server = await serve(async (req, res) => {
      const request = new Request(`http://localhost${req.url}`)
      await sendResponse(res, await hub.subscribe(request, { topics: ['a'] }))
    })
    const client = await connectRaw(server.port, get.replace('/ ', '/?lastEventId=earliest '))
    await client.until(/data: before/)
    await hub.publish('a', { data: 'live' })
    await client.until(/data: live/)
    await hub.close()
    await client.until(/0\r\n\r\n$/)
    expect(hub.stats()).toMatchObject({ connections: 0, delivered: 2, replayed: 1 })
  })
})
