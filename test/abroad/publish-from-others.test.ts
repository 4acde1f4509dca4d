import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import express from 'express'
import fastify from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHub, createPublishHandler } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { sendFastify, toNodeHandler, webRequest } from '@sse-toolkit/sse-server/node'
import { listen } from '../../examples/adapters/listen.ts'

// Publishing from programs that are not ours: curl, and Python with nothing but its standard library.

const run = promisify(execFile)

interface Serving {
  readonly hub: Hub
  readonly url: string
}

const hosts: readonly { readonly name: string; readonly start: () => Promise<Serving> }[] = [
  {
    name: 'node:http',
    async start() {
      const { hub, publish } = create()
      return { hub, url: await serve(createServer(toNodeHandler(publish))) }
    },
  },
  {
    name: 'Express',
    async start() {
      const { hub, publish } = create()
      const app = express()
      app.all('/publish', toNodeHandler(publish))
      // A parser of bodies goes behind, or it has read them before.
      app.use(express.json())
      return { hub, url: await serve(createServer(app)) }
    },
  },
  {
    name: 'Fastify',
    async start() {
      const { hub, publish } = create()
      const app = fastify()
      await app.register(async (scope) => {
        scope.removeAllContentTypeParsers()
        scope.addContentTypeParser('*', (_request, _content, done) => done(null))
        scope.all('/publish', async (request, reply) =>
          sendFastify(reply, await publish(webRequest(request.raw, reply.raw))),
        )
      })
      onTestFinished(() => app.close())
      return { hub, url: await app.listen({ port: 0, host: '127.0.0.1' }) }
    },
  },
]

describe.each(hosts)('a hub behind $name', ({ start }) => {
  it('accepts events from curl', async () => {
    const { hub, url } = await start()
    const curl = async (...args: readonly string[]): Promise<[number, Record<string, unknown>]> => {
      const { stdout } = await run('curl', ['-sS', '-w', '\n%{http_code}', '-m', '10', ...args])
      const [body = '', status] = stdout.split(/\n(?=\d+$)/)
      return [Number(status), body === '' ? {} : JSON.parse(body)]
    }
    const to = `${url}/publish?topic=orders.42`
    const token = ['-H', 'Authorization: Bearer secret'] as const
    const json = ['--json', '{"event":"paid","data":{"total":12}}'] as const
    const [status, { id, stored }] = await curl(to, ...token, ...json, '-H', 'Idempotency-Key: "k"')
    expect([status, id, stored]).toEqual([201, await hub.position(), true])
    expect(await curl(to, ...token, ...json, '-H', 'Idempotency-Key: k')).toEqual([
      200,
      { id, stored: false },
    ])
    const stream = ['-H', 'Content-Type: text/event-stream', '--data-binary', 'data: one\n\ndata: two\n\n']
    expect(await curl(to, ...token, ...stream)).toMatchObject([201, { ids: { length: 2 } }])
    const chunked = ['-H', 'Transfer-Encoding: chunked']
    expect(await curl(to, ...token, ...json, ...chunked)).toMatchObject([201, { stored: true }])
    expect(await curl(to, ...json)).toEqual([401, {}])
    expect(await curl(to, ...token)).toMatchObject([405, { code: 'method' }])
    expect(await curl(`${url}/publish?topic=news`, ...token, ...json)).toMatchObject([
      403,
      { code: 'forbidden' },
    ])
    expect(await curl(to, ...token, '-d', 'data=1')).toMatchObject([415, { code: 'unsupported-media-type' }])
    expect(hub.stats().published).toBe(4)
  })

  it('accepts events from Python, and answers 413 to oversized ones', async () => {
    const { hub, url } = await start()
    const { stdout } = await run('python3', ['-c', python, url], { timeout: 20_000 })
    expect(JSON.parse(stdout)).toEqual({
      statuses: [201, 201, 200, 409, 201, 403, 413, 201],
      expected: { epoch: 0, seq: 2 },
      type: 'application/problem+json',
    })
    expect(hub.stats().published).toBe(5)
  })
})

// One connection for all: what is refused must not stand in the way of what follows.
const python = `
import http.client, json, sys
from urllib.parse import urlsplit

connection = http.client.HTTPConnection(urlsplit(sys.argv[1]).netloc, timeout=10)

def publish(content, **fields):
    headers = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
    headers.update({name.replace("_", "-"): str(value) for name, value in fields.items()})
    connection.request("POST", "/publish?topic=orders.42", json.dumps(content), headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read()), response.headers["Content-Type"]

def numbered(epoch, seq):
    return publish({"data": seq}, Producer_Id="py", Producer_Epoch=epoch, Producer_Seq=seq)

gap = None
statuses = [numbered(0, 0)[0], numbered(0, 1)[0], numbered(0, 1)[0]]
status, gap, media_type = numbered(0, 3)
statuses += [status, numbered(1, 0)[0], numbered(0, 2)[0]]
statuses.append(publish({"data": "x" * 3_000_000})[0])
statuses.append(publish([{"data": 1}, {"data": 2}])[0])
print(json.dumps({"statuses": statuses, "expected": gap["expected"], "type": media_type}))
`

function create() {
  const hub = createHub()
  onTestFinished(() => hub.close())
  const publish = createPublishHandler(hub, {
    authorize: (request) =>
      request.headers.get('authorization') === 'Bearer secret'
        ? { topics: ['orders.*'] }
        : new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer' } }),
  })
  return { hub, publish }
}

async function serve(server: ReturnType<typeof createServer>): Promise<string> {
  const running = await listen(server)
  onTestFinished(() => running.close())
  return running.url
}
