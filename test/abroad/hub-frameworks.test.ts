import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { Transform } from 'node:stream'
import type { Readable } from 'node:stream'
import express from 'express'
import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import Koa from 'koa'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createHub, respondOnFirstEvent } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { sendFastify, subscribeFastify, subscribeNode, webRequest } from '@sse-toolkit/sse-server/node'
import { patience } from '@sse-toolkit/test-support'
import { listen } from '../../examples/adapters/listen.ts'

// The hub in one line, in each framework: what their own hooks and middleware set must arrive, whatever the hub answers.

function hubOf(): Hub {
  const hub = createHub({
    heartbeatIntervalMs: 0,
    authorize: (request) =>
      request.headers.get('authorization') === 'Bearer ada'
        ? { identity: 'ada', topics: ['a'] }
        : new Response('Who are you?', { status: 401, headers: { 'www-authenticate': 'Bearer', vary: 'a' } }),
  })
  onTestFinished(() => hub.close({ timeoutMs: 0 }))
  return hub
}

const hosts: readonly { readonly name: string; readonly start: (hub: Hub) => Promise<string> }[] = [
  {
    name: 'node:http',
    start: (hub) =>
      serve(
        createServer((req, res) => {
          res.setHeader('access-control-allow-origin', '*').setHeader('vary', 'origin')
          res.appendHeader('set-cookie', 'a=1').appendHeader('set-cookie', 'b=2')
          void subscribeNode(hub, req, res, { topics: ['a'] })
        }),
      ),
  },
  {
    name: 'Express',
    start: (hub) => {
      const app = express()
      app.use((_req, res, next) => {
        res.set({ 'access-control-allow-origin': '*', vary: 'origin' }).cookie('a', '1').cookie('b', '2')
        next()
      })
      app.all('/events', (req, res) => subscribeNode(hub, req, res, { topics: ['a'] }))
      return serve(createServer(app))
    },
  },
  {
    name: 'Koa',
    start: (hub) => {
      const app = new Koa()
      app.use(async (ctx) => {
        ctx.set({ 'access-control-allow-origin': '*', vary: 'origin' })
        ctx.cookies.set('a', '1')
        ctx.cookies.set('b', '2')
        ctx.respond = false
        await subscribeNode(hub, ctx.req, ctx.res, { topics: ['a'] })
      })
      const handle = app.callback()
      return serve(createServer((req, res) => void handle(req, res)))
    },
  },
  {
    name: 'Fastify',
    start: (hub) => {
      const app = fastifyWithFields()
      app.route({
        method: ['GET', 'HEAD', 'POST'],
        url: '/events',
        handler: (request, reply) => subscribeFastify(hub, request, reply, { topics: ['a'] }),
      })
      return listenFastify(app)
    },
  },
]

describe.each(hosts)('the hub on $name', ({ start }) => {
  it('streams past and new events, with the header fields set before', async () => {
    const hub = hubOf()
    const url = await start(hub)
    await hub.publish('a', { data: 'before' })
    const response = await fetch(`${url}/events?lastEventId=earliest`, {
      headers: { authorization: 'Bearer ada' },
    })
    expectFields(response, 200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = readerOf(response)
    await readUntil(reader, 'data: before')
    await hub.publish('a', { data: 'live' })
    await readUntil(reader, 'data: live')
    await reader.cancel()
    await vi.waitUntil(() => hub.stats().connections === 0, patience)
    expect(hub.stats().closed.client).toBe(1)
  })

  it('refuses with the header fields set before', async () => {
    const url = await start(hubOf())
    const response = await fetch(`${url}/events`)
    expectFields(response, 401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
    expect(response.headers.get('vary')?.toLowerCase()).toBe('origin, a')
    expect(await response.text()).toBe('Who are you?')
  })

  it('answers HEAD with the head alone', async () => {
    const hub = hubOf()
    const url = await start(hub)
    const response = await fetch(`${url}/events`, {
      method: 'HEAD',
      headers: { authorization: 'Bearer ada' },
    })
    expectFields(response, 200)
    expect(hub.stats().opened).toBe(0)
  })

  it('ends the stream cleanly when the hub closes', async () => {
    const hub = hubOf()
    const url = await start(hub)
    const response = await fetch(`${url}/events`, { headers: { authorization: 'Bearer ada' } })
    await vi.waitUntil(() => hub.stats().connections === 1, patience)
    await hub.close()
    expect(await response.text()).toContain(': sse-toolkit 1')
  })
})

describe('Fastify', () => {
  it('runs its hooks for an event stream, and each once', async () => {
    const hub = hubOf()
    const app = fastifyWithFields()
    const ran: string[] = []
    app.addHook('onSend', async (_request, reply) => {
      ran.push('onSend')
      reply.header('x-late', 'yes')
    })
    app.addHook('onResponse', async () => void ran.push('onResponse'))
    app.addHook('onError', async () => void ran.push('onError'))
    app.get('/events', (request, reply) => subscribeFastify(hub, request, reply, { topics: ['a'] }))
    const url = await listenFastify(app)
    const response = await fetch(`${url}/events`, { headers: { authorization: 'Bearer ada' } })
    expect(response.headers.get('x-late')).toBe('yes')
    expect(ran).toEqual(['onSend'])
    await hub.close()
    await response.text()
    await vi.waitUntil(() => ran.includes('onResponse'), patience)
    expect(ran).toEqual(['onSend', 'onResponse'])
  })

  it('lets a hook wrap the stream', async () => {
    const hub = hubOf()
    const app = fastifyWithFields()
    app.addHook('onSend', async (_request, _reply, payload) =>
      (payload as Readable).pipe(
        new Transform({
          transform: (chunk, _encoding, done) => done(null, String(chunk).toUpperCase()),
        }),
      ),
    )
    app.get('/events', (request, reply) => subscribeFastify(hub, request, reply, { topics: ['a'] }))
    const url = await listenFastify(app)
    await hub.publish('a', { data: 'before' })
    const response = await fetch(`${url}/events?lastEventId=earliest`, {
      headers: { authorization: 'Bearer ada' },
    })
    const reader = readerOf(response)
    await readUntil(reader, 'DATA: BEFORE')
    await reader.cancel()
    await vi.waitUntil(() => hub.stats().connections === 0, patience)
  })

  it('answers invalid options with 500 from its own error handler', async () => {
    const hub = hubOf()
    const app = fastifyWithFields()
    app.get('/events', (request, reply) => subscribeFastify(hub, request, reply, { topcis: ['a'] } as never))
    expectFields(await fetch(`${await listenFastify(app)}/events`), 500)
  })

  it('ends a source whose client leaves before the first event', async () => {
    const app = fastifyWithFields()
    const signals: AbortSignal[] = []
    app.get('/events', async (req, reply) => {
      const request = webRequest(req.raw, reply.raw)
      const response = await respondOnFirstEvent(
        async function* ({ signal }) {
          signals.push(signal)
          await once(signal, 'abort')
          yield* []
        },
        { request },
      )
      return sendFastify(reply, response)
    })
    const socket = connect(Number(new URL(await listenFastify(app)).port), '127.0.0.1')
    socket.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n')
    await vi.waitUntil(() => signals.length === 1, patience)
    socket.destroy()
    await vi.waitUntil(() => signals[0]?.aborted === true, patience)
  })
})

function fastifyWithFields(): FastifyInstance {
  const app = fastify({ forceCloseConnections: true })
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('access-control-allow-origin', '*').header('vary', 'origin')
    reply.header('set-cookie', 'a=1').header('set-cookie', 'b=2')
  })
  return app
}

async function listenFastify(app: FastifyInstance): Promise<string> {
  onTestFinished(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

async function serve(server: ReturnType<typeof createServer>): Promise<string> {
  const running = await listen(server)
  onTestFinished(() => running.close())
  return running.url
}

function expectFields(response: Response, status: number): void {
  expect(response.status).toBe(status)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.getSetCookie().map((cookie) => cookie.split(';')[0])).toEqual(['a=1', 'b=2'])
}

function readerOf({ body }: Response): ReadableStreamDefaultReader<string> {
  if (body === null) throw new Error('The response has no content')
  return body.pipeThrough(new TextDecoderStream()).getReader()
}

async function readUntil(reader: ReadableStreamDefaultReader<string>, wanted: string): Promise<void> {
  let text = ''
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`The stream ended before ${wanted}: ${text}`)
    text += value
  }
}
