import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Readable } from 'node:stream'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { findBun, findDeno, startProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as express from '../../examples/adapters/express.ts'
import * as fastify from '../../examples/adapters/fastify.ts'
import * as hono from '../../examples/adapters/hono.ts'
import * as httpCore from '../../examples/adapters/http-core.ts'
import * as koa from '../../examples/adapters/koa.ts'
import * as nodeHttp from '../../examples/adapters/node-http.ts'
import * as nodeTls from '../../examples/adapters/node-tls.ts'
import type { Observed, RunningExample } from '../../examples/adapters/story.ts'

// One suite for every host, with real sockets: the behaviour that users of each rely on.

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Readable
  /** Leaves without a goodbye. */
  readonly leave: () => void
}

interface Host {
  readonly request: (path: string, method?: string) => Promise<Answer>
  readonly close: () => Promise<void>
}

async function overHttp1(url: string, close: () => Promise<void>, cert?: string): Promise<Host> {
  return {
    close,
    request: async (path, method = 'GET') => {
      const target = new URL(path, url)
      const body = method === 'POST' ? 'question' : undefined
      const headers = { 'content-type': 'text/plain' }
      const options = { method, headers, agent: false, ...(cert !== undefined && { ca: cert }) }
      const request = (target.protocol === 'https:' ? requestHttps : requestHttp)(target, options)
      request.end(body)
      const [response] = await once(request, 'response')
      // The server ends some of these on purpose.
      response.on('error', () => undefined)
      request.on('error', () => undefined)
      return {
        status: response.statusCode,
        headers: response.headers,
        body: response,
        leave: () => request.destroy(),
      }
    },
  }
}

async function overHttp2(url: string, close: () => Promise<void>, cert: string): Promise<Host> {
  const session = connectHttp2(url, { ca: cert })
  return {
    close: async () => {
      session.destroy()
      await close()
    },
    request: async (path, method = 'GET') => {
      const request = session.request({ ':path': path, ':method': method }, { endStream: method !== 'POST' })
      if (method === 'POST') request.end('question')
      const [headers] = await once(request, 'response')
      request.on('error', () => undefined)
      return { status: headers[':status'], headers, body: request, leave: () => request.close(8) }
    },
  }
}

/** Bun and Deno run as programs of their own. */
async function overRuntime(command: string, args: readonly string[]): Promise<Host> {
  const program = await startProcess({ command, args, ready: /http:\/\/\S+/ })
  const url = /http:\/\/\S+/.exec(program.stdout)?.[0] ?? ''
  return overHttp1(url, async () => {
    await program.kill()
  })
}

const adapters = fileURLToPath(new URL('../../examples/adapters/', import.meta.url))
const condition = '--conditions=@sse-toolkit/source'
const bun = findBun()
const deno = findDeno()

const hosts: readonly {
  readonly name: string
  readonly start: () => Promise<Host>
  readonly skip?: boolean
}[] = [
  { name: 'node:http', start: () => start(nodeHttp) },
  {
    name: 'node:https',
    start: async () => {
      const example = await nodeTls.start()
      return overHttp1(example.url, () => example.close(), example.cert)
    },
  },
  {
    name: 'node:http2',
    start: async () => {
      const example = await nodeTls.start()
      return overHttp2(example.url, () => example.close(), example.cert)
    },
  },
  { name: 'Express with compression', start: () => start(express) },
  { name: 'Fastify', start: () => start(fastify) },
  { name: 'Koa', start: () => start(koa) },
  { name: 'Hono', start: () => start(hono) },
  { name: 'route handlers on http-core', start: () => start(httpCore) },
  {
    name: bun.skip ? `Bun (${bun.reason})` : 'Bun',
    skip: bun.skip,
    start: () => overRuntime(bun.skip ? '' : bun.path, [condition, join(adapters, 'bun.ts')]),
  },
  {
    name: deno.skip ? `Deno (${deno.reason})` : 'Deno',
    skip: deno.skip,
    start: () =>
      overRuntime(deno.skip ? '' : deno.path, ['run', '--allow-all', condition, join(adapters, 'deno.ts')]),
  },
]

async function start(example: { start: () => Promise<RunningExample> }): Promise<Host> {
  const running = await example.start()
  return overHttp1(running.url, () => running.close())
}

for (const { name, start: startHost, skip = false } of hosts) {
  describe.skipIf(skip)(`on ${name}`, () => {
    suite(startHost)
  })
}

function suite(startHost: () => Promise<Host>): void {
  let host: Host

  beforeAll(async () => {
    host = await startHost()
  })
  afterAll(() => host.close())

  async function observe(): Promise<Observed> {
    return JSON.parse(await textOf((await host.request('/observed')).body)) as Observed
  }

  /** What the server has seen since `before`, once it satisfies the test. */
  async function observeUntil(before: Observed, isDone: (since: Observed) => boolean): Promise<Observed> {
    let since = before
    await vi.waitUntil(
      async () => {
        const now = await observe()
        since = {
          opened: now.opened - before.opened,
          closed: now.closed.slice(before.closed.length),
          produced: now.produced - before.produced,
          finished: now.finished - before.finished,
        }
        return isDone(since)
      },
      { timeout: 10_000 },
    )
    return since
  }

  describe.each(['/pull', '/push'])('%s', (path) => {
    it('sends the head before there is any event, and keeps fields that were set before', async () => {
      const { status, headers, leave } = await host.request(`${path}?scenario=idle`)
      expect(status).toBe(200)
      expect(headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-set-before': 'yes' })
      expect(headers).not.toHaveProperty('content-encoding')
      leave()
    })

    it('brings the events one by one, and ends', async () => {
      const { body } = await host.request(`${path}?scenario=count`)
      const pieces: string[] = []
      for await (const piece of body.setEncoding('utf8')) pieces.push(piece as string)
      expect(pieces.join('')).toBe(
        ': sse-toolkit 1\n: heartbeat 16000\n\ndata: one\n\ndata: two\n\ndata: three\n\n',
      )
      // Each on its own: 100 ms lie between them.
      expect(pieces.filter((piece) => piece.includes('data:'))).toHaveLength(3)
    })

    it('answers POST', async () => {
      const { status, body } = await host.request(`${path}?scenario=count`, 'POST')
      expect(status).toBe(200)
      expect(await textOf(body)).toContain('data: three')
    })

    it('notices that the client left, and ends the source', async () => {
      const before = await observe()
      const { leave, body } = await host.request(`${path}?scenario=idle`)
      body.resume()
      await observeUntil(before, ({ opened }) => opened === 1)
      leave()
      const since = await observeUntil(
        before,
        ({ finished, closed }) => finished === 1 && closed.length === 1,
      )
      expect(since.closed).toEqual(['client'])
    })
  })

  it('answers HEAD with the head alone, and starts no source', async () => {
    const before = await observe()
    const { status, headers, body } = await host.request('/pull?scenario=idle', 'HEAD')
    expect([status, headers['content-type'], await textOf(body)]).toEqual([200, 'text/event-stream', ''])
    expect(await observe()).toEqual(before)
  })

  it('reads a source no faster than a client that has stopped reading', async () => {
    const before = await observe()
    const { body, leave } = await host.request('/pull?scenario=flood')
    body.pause()
    // What the two kernels and the client's own buffers take; then nothing moves any more.
    let produced = -1
    await observeUntil(before, (since) => {
      const settled = since.produced > 0 && since.produced === produced
      produced = since.produced
      return settled
    })
    expect(produced).toBeLessThan(50_000)
    leave()
    await observeUntil(before, ({ finished }) => finished === 1)
  })

  it('disconnects a client that has stopped reading when its buffer is full', async () => {
    const before = await observe()
    const { body, leave } = await host.request('/push?scenario=flood')
    body.pause()
    const { closed } = await observeUntil(before, (since) => since.closed.length === 1)
    expect(closed).toEqual(['slow-consumer'])
    leave()
  })
}

describe('Express with compression that is allowed to compress', () => {
  it('flushes each event', async () => {
    const example = await express.start()
    const request = requestHttp(`${example.url}/gzip?scenario=count`, {
      headers: { 'accept-encoding': 'gzip' },
    })
    request.end()
    const [response] = await once(request, 'response')
    expect(response.headers['content-encoding']).toBe('gzip')
    const pieces: string[] = []
    for await (const piece of response.pipe(createGunzip()).setEncoding('utf8')) pieces.push(piece as string)
    expect(pieces.filter((piece) => piece.includes('data:'))).toEqual([
      'data: one\n\n',
      'data: two\n\n',
      'data: three\n\n',
    ])
    await example.close()
  })
})

async function textOf(body: Readable): Promise<string> {
  let text = ''
  for await (const piece of body.setEncoding('utf8')) text += piece as string
  return text
}
