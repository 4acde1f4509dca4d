import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { findNginx, patience, startProcess } from '@sse-toolkit/test-support'
import type { ExternalProgram, StartedProcess } from '@sse-toolkit/test-support'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { subscribeNode } from '@sse-toolkit/sse-server/node'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createCertificate } from '../../examples/adapters/self-signed.ts'
import { findHaproxy, freePort, startHaproxy, startNginxWith } from './proxies.ts'

// The configurations of docs/deployment, with the proxies that Debian has.

const nginx = findNginx()
const haproxy = findHaproxy()

const location = (upstream: string): string => `
  proxy_pass ${upstream};
  proxy_http_version 1.1;
  proxy_set_header Connection '';
  proxy_set_header Host $host;
  proxy_pass_header X-Accel-Buffering;
  proxy_read_timeout 1s;
`

async function serveHub(): Promise<{ readonly hub: Hub; readonly port: number }> {
  const hub = createHub({ heartbeatIntervalMs: 400 })
  const server = createServer((req, res) => void subscribeNode(hub, req, res, { topics: ['a'] }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await hub.close({ timeoutMs: 0 })
    server.close()
    server.closeAllConnections()
  })
  return { hub, port: (server.address() as AddressInfo).port }
}

async function readUntil(
  reader: ReadableStreamDefaultReader<string>,
  isEnough: (text: string) => boolean,
): Promise<string> {
  let text = ''
  while (!isEnough(text)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`The stream ended with ${text}`)
    text += value
  }
  return text
}

function readerOf({ body }: Response): ReadableStreamDefaultReader<string> {
  if (body === null) throw new Error('The response has no content')
  return body.pipeThrough(new TextDecoderStream()).getReader()
}

/** Starts as many nginx, each in front of the one before, and gives the port of the last. */
async function inARow(program: ExternalProgram, count: number, first: number): Promise<number> {
  let upstream = first
  for (let n = 0; n < count; n += 1) {
    const port = await freePort()
    const server = `server { listen 127.0.0.1:${port}; location / { ${location(`http://127.0.0.1:${upstream}`)} } }`
    await startNginxWith(program, port, server)
    upstream = port
  }
  return upstream
}

describe.skipIf(nginx.skip).each([1, 2])('behind %i nginx in a row', (count) => {
  it('each event arrives at once, a silent stream outlives the read timeout, and the server notices a client that leaves', async () => {
    const { hub, port } = await serveHub()
    const front = await inARow(nginx, count, port)
    const reader = readerOf(await fetch(`http://127.0.0.1:${front}/events`))
    await readUntil(reader, (text) => text.includes('\n\n'))
    for (const data of ['one', 'two', 'three']) {
      await hub.publish('a', { data })
      // The next is not published before this one is here: nothing is buffered.
      expect(await readUntil(reader, (text) => text.endsWith('\n\n'))).toContain(`data: ${data}`)
    }
    // Six heartbeats of 400 ms: twice the read timeout of 1 s.
    await readUntil(reader, (text) => text.split(':\n\n').length > 6)
    await reader.cancel()
    await vi.waitUntil(() => hub.stats().closed.client === 1, patience)
  })
})

describe.skipIf(nginx.skip)('behind nginx with HTTP/2', () => {
  it('a browser has many streams on one connection', async () => {
    const { hub, port } = await serveHub()
    const front = await freePort()
    const { cert, key } = createCertificate()
    const http = `server {
      listen 127.0.0.1:${front} ssl http2;
      ssl_certificate $folder/cert.pem;
      ssl_certificate_key $folder/key.pem;
      location / { ${location(`http://127.0.0.1:${port}`)} }
    }`
    await startNginxWith(nginx, front, http, { 'cert.pem': cert, 'key.pem': key })
    const session = connectHttp2(`https://127.0.0.1:${front}`, { ca: cert })
    onTestFinished(() => session.destroy())
    const texts = Array.from({ length: 20 }, () => '')
    texts.forEach((_, index) => {
      session
        .request({ ':path': '/events' })
        .setEncoding('utf8')
        .on('data', (piece: string) => (texts[index] += piece))
    })
    await vi.waitUntil(() => hub.connections().length === 20, patience)
    await hub.publish('a', { data: 'to all' })
    await vi.waitUntil(() => texts.every((text) => text.includes('data: to all')), patience)
    expect(hub.stats().delivered).toBe(20)
  })
})

describe.skipIf(haproxy.skip)('behind HAProxy', () => {
  it('two processes are replaced one after the other under 200 clients without a lost event or an error', async () => {
    const ports = [await freePort(), await freePort()] as const
    const front = await freePort()
    const published: { readonly data: number }[] = []
    const processes = new Map<number, StartedProcess>()
    // The processes that receive published events, and how many each has.
    const told = new Map<number, number>()
    const stopping = new Set<number>()
    const tell = async (port: number): Promise<void> => {
      for (;;) {
        const from = told.get(port)
        if (from === undefined || from === published.length) return
        const batch = published.slice(from, from + 256)
        told.set(port, from + batch.length)
        const body = JSON.stringify(batch)
        const headers = { 'content-type': 'application/json' }
        const url = `http://127.0.0.1:${port}/publish?topic=numbers`
        const status = await fetch(url, { method: 'POST', headers, body }).then(
          (response) => response.status,
          () => 'refused',
        )
        // One that stops takes events until its last reader has gone.
        if (status !== 201 && stopping.has(port)) told.delete(port)
        else expect(status).toBe(201)
      }
    }
    const tellAllAfter = async (before: Promise<void>): Promise<void> => {
      await before
      await Promise.all([...told.keys()].map(tell))
    }
    let telling = Promise.resolve()
    const publish = async (): Promise<void> => {
      published.push({ data: published.length + 1 })
      telling = tellAllAfter(telling)
      await telling
    }
    const begin = async (port: number): Promise<void> => {
      const program = fileURLToPath(new URL('programs/rolling-hub.ts', import.meta.url))
      processes.set(port, await startProcess({ args: [program, String(port)], ready: /listening/ }))
      told.set(port, 0)
      await publish()
      await fetch(`http://127.0.0.1:${port}/ready`)
    }
    onTestFinished(async () => {
      for (const running of processes.values()) await running.kill()
    })
    await Promise.all(ports.map(begin))
    await startHaproxy(
      haproxy,
      front,
      `
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout check 2s
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response 503
frontend front
  bind 127.0.0.1:${front}
  stats enable
  stats uri /stats
  default_backend hubs
backend hubs
  balance leastconn
  option httpchk GET /health
  default-server check inter 200ms fall 2 rise 1
  server one 127.0.0.1:${ports[0]}
  server two 127.0.0.1:${ports[1]}`,
    )

    // Before the next is stopped, HAProxy must know that both are up.
    const untilUp = (): Promise<unknown> =>
      vi.waitUntil(async () => {
        const csv = await (await fetch(`http://127.0.0.1:${front}/stats;csv`)).text()
        return csv.match(/^hubs,(?:one|two),.*,UP,/gm)?.length === 2
      }, patience)
    await untilUp()

    const statuses = new Map<number, number>()
    const clients = Array.from({ length: 200 }, () => {
      const numbers: number[] = []
      const source = createEventSource(`http://127.0.0.1:${front}/events?lastEventId=earliest`, {
        headers: () => ({ authorization: String(Date.now() + 5000) }),
        reconnection: { baseDelayMs: 100, minDelayMs: 10 },
        fetch: async (input, init) => {
          const response = await fetch(input, init)
          statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
          return response
        },
      })
      const gaps: unknown[] = []
      source.onGap((gap) => gaps.push(gap))
      source.on('message', ({ data }) => numbers.push(Number(data)))
      onTestFinished(() => source.close())
      return { numbers, gaps }
    })
    await vi.waitUntil(() => clients.every(({ numbers }) => numbers.length > 0), patience)

    const enough = new AbortController()
    const publishing = (async () => {
      while (!enough.signal.aborted) {
        await publish()
        await new Promise((resolve) => {
          setTimeout(resolve, 20)
        })
      }
    })()
    for (const port of ports) {
      stopping.add(port)
      expect(await processes.get(port)?.stop({ timeoutMs: 20_000 })).toEqual({ code: 0, signal: null })
      await telling
      told.delete(port)
      stopping.delete(port)
      await begin(port)
      await untilUp()
    }
    enough.abort()
    await publishing
    const all = published.map(({ data }) => data)
    await vi.waitUntil(() => clients.every(({ numbers }) => numbers.length >= all.length), patience)
    for (const { numbers, gaps } of clients) {
      expect(gaps).toEqual([])
      expect(numbers).toEqual(all)
    }
    expect([...statuses.keys()]).toEqual([200])
    expect(statuses.get(200)).toBeGreaterThan(400)
  })
})
