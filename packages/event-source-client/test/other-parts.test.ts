import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import { startProcess } from '@sse-toolkit/test-support'
import { EnvHttpProxyAgent, MockAgent } from 'undici'
import { Agent as Agent6, ProxyAgent as ProxyAgent6, RetryAgent as RetryAgent6 } from 'undici-6'
import { describe, expect, it } from 'vitest'
import { createEventSource } from '../src/index.ts'

/** A proxy that tunnels (RFC 9110 section 9.3.6), and remembers where to. */
async function startProxy(): Promise<{ url: string; tunnels: string[] } & AsyncDisposable> {
  const tunnels: string[] = []
  const sockets = new Set<{ destroy(): unknown }>()
  const proxy = createServer()
  proxy.on('connect', (request, client) => {
    const target = request.url ?? ''
    tunnels.push(target)
    const [host, port] = target.split(':')
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      // Who tears it down is not asked.
      socket.on('error', () => socket.destroy())
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    tunnels,
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

describe('third-party parts, as the README shows', () => {
  it('a stream goes through the proxy that the environment names, and ends with its client', async () => {
    await using proxy = await startProxy()
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead()
      await exchange.writeBody('data: a\n\n')
    })
    const dispatcher = new EnvHttpProxyAgent({ httpProxy: proxy.url, noProxy: '', proxyTunnel: true })
    const client = createEventSource(server.url, { dispatcher })
    for await (const { data } of client) {
      expect(data).toBe('a')
      break
    }
    expect(proxy.tunnels).toEqual([new URL(server.url).host])
    await dispatcher.close()
  })

  it.each([
    ['an Agent', () => new Agent6()],
    ['a ProxyAgent', () => new ProxyAgent6('http://127.0.0.1:9')],
    ['a RetryAgent', () => new RetryAgent6(new Agent6())],
  ])('%s of undici 6 closes the stream at once, with an error that says what to do', async (_name, make) => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead()
    })
    const client = createEventSource(server.url, { dispatcher: make() })
    expect(await client.closed).toBe('error')
    expect(client.status).toMatchObject({
      cause: {
        code: 'unsupported-transport',
        message: expect.stringContaining('undici 7 or later'),
      },
    })
  })

  it("a stream can come from undici's MockAgent", async () => {
    const dispatcher = new MockAgent()
    dispatcher.disableNetConnect()
    dispatcher
      .get('http://mocked.test')
      .intercept({ path: '/events' })
      .reply(200, 'data: mocked\n\n', { headers: { 'content-type': 'text/event-stream' } })
    const client = createEventSource('http://mocked.test/events', { dispatcher, reconnect: 'never' })
    const seen: string[] = []
    for await (const { data } of client) seen.push(data)
    expect(seen).toEqual(['mocked'])
    await dispatcher.close()
  })

  it('a stream can come from a global fetch that was replaced later, as MSW does', async () => {
    const original = globalThis.fetch
    const client = createEventSource('http://mocked.test/', {
      fetch: (...request) => globalThis.fetch(...request),
      reconnect: 'never',
    })
    globalThis.fetch = () =>
      Promise.resolve(new Response('data: mocked\n\n', { headers: { 'content-type': 'text/event-stream' } }))
    try {
      const seen: string[] = []
      for await (const { data } of client) seen.push(data)
      expect(seen).toEqual(['mocked'])
    } finally {
      globalThis.fetch = original
    }
  })

  it('on a Node version that is too old, the error says so in one sentence', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'event-source-node-'))
    const preload = join(directory, 'old.mjs')
    await writeFile(
      preload,
      `Object.defineProperty(process, 'version', { value: 'v20.20.2' })
       Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`,
    )
    await using program = await startProcess({
      args: [
        '--conditions=@sse-toolkit/source',
        '--import',
        pathToFileURL(preload).href,
        '--input-type=module',
        '--eval',
        `await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})`,
      ],
    })
    const { code } = await program.exited
    await rm(directory, { recursive: true })
    expect([code, program.stderr]).toEqual([
      1,
      expect.stringContaining('needs Node.js 22.19 or later, and this is v20.20.2.'),
    ])
  })
})
