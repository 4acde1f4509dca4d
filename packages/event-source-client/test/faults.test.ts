import { once } from 'node:events'
import { createServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createLedger } from '@sse-toolkit/testing'
import { startFaultProxy, startScriptedServer } from '@sse-toolkit/testing/node'
import { startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { afterEach, describe, expect, it } from 'vitest'
import { createEventSource } from '../src/index.ts'
import type { EventSourceClient, EventSourceOptions, StreamStatus } from '../src/index.ts'

/** So that a test about faults is not a test about waiting. */
const QUICK = {
  reconnection: { baseDelayMs: 20, minDelayMs: 5, maxDelayMs: 50 },
} satisfies EventSourceOptions

/** Resolves with the first status that is meant. */
function statusOf(
  client: EventSourceClient,
  isMeant: (status: StreamStatus) => boolean,
): Promise<StreamStatus> {
  return new Promise((resolve) => {
    const remove = client.onStatus((status) => {
      if (!isMeant(status)) return
      remove()
      resolve(status)
    })
  })
}

const causeOf = async (client: EventSourceClient): Promise<unknown> => {
  const status = await statusOf(client, ({ state }) => state === 'reconnecting' || state === 'closed')
  return 'cause' in status ? status.cause : status
}

function untilEvent(client: EventSourceClient, data: string): Promise<void> {
  return new Promise((resolve) => {
    const remove = client.onAny((event) => {
      if (event.data !== data) return
      remove()
      resolve()
    })
  })
}

const unhandled: unknown[] = []
process.on('unhandledRejection', (reason) => unhandled.push(reason))
afterEach(async () => {
  await nextTurn()
  const reasons = unhandled.splice(0)
  if (reasons.length > 0) throw new AggregateError(reasons, 'unhandled rejections')
})

describe('a server that is killed with -9 in the middle of an event, again and again', () => {
  const program = fileURLToPath(new URL('numbers-server.ts', import.meta.url))
  const startNumbers = (port: number): Promise<StartedProcess> =>
    startProcess({ args: [program, String(port)], ready: /listening on \d+/ })

  it('no event is lost or repeated when a server is killed in the middle of an event, again and again', async () => {
    let server = await startNumbers(0)
    const port = Number(/listening on (\d+)/.exec(server.stdout)?.[1])
    const ledger = createLedger()
    const client = createEventSource(`http://127.0.0.1:${port}/`, QUICK)
    let newest = 0
    client.on('message', (event) => {
      newest = Number(event.data)
      ledger.received('client', 'numbers', newest)
    })
    for (let round = 1; round <= 4; round += 1) {
      await expect.poll(() => newest, { timeout: 10_000, interval: 5 }).toBeGreaterThan(round * 100)
      await server.kill('SIGKILL')
      server = await startNumbers(port)
    }
    await expect.poll(() => newest, { timeout: 10_000, interval: 5 }).toBeGreaterThan(600)
    client.close()
    await server.kill()
    for (let seq = 1; seq <= newest; seq += 1) ledger.published('numbers', seq)
    ledger.expectComplete({ topic: 'numbers' })
  })
})

describe('a faulty path', () => {
  it('a half-open connection misses three heartbeats, and the stream goes on over another', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead()
      await exchange.writeBody(
        `: sse-toolkit 1\n: heartbeat 60\nid: ${exchange.requestIndex}\ndata: ${exchange.requestIndex}\n\n`,
      )
      while (!exchange.isClosed) {
        await delay(20)
        await exchange.writeBody(':\n\n')
      }
    })
    await using proxy = await startFaultProxy({ target: { port: server.port } })
    const client = createEventSource(proxy.url, QUICK)
    // Without a consumer nothing is read, and silence would say nothing.
    client.onAny(() => {})
    await untilEvent(client, '0')
    proxy.faults.set({ flow: 'black-hole' }, 'open')
    expect(await causeOf(client)).toMatchObject({ code: 'idle-timeout', message: 'No byte for 180 ms' })
    await untilEvent(client, '1')
    const requests = server.requests.map((request) => request.headers.get('last-event-id'))
    expect(requests).toEqual([undefined, '0'])
    client.close()
  })

  it('the events are the same one byte at a time, split inside UTF-8 sequences', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead()
      await exchange.writeBody(
        '\uFEFFid: ü\r\nevent: größe\r\ndata: 😀€é\r\n\r\n: ✓\rdata: b\r\rdata: end\n\n',
      )
    })
    await using proxy = await startFaultProxy({
      target: { port: server.port },
      faults: { toClient: { writes: 'single-bytes' } },
    })
    const client = createEventSource(proxy.url)
    const seen: unknown[] = []
    client.onComment((text) => seen.push(text))
    client.onAny(({ type, data, lastEventId }) => seen.push([type, data, lastEventId]))
    await untilEvent(client, 'end')
    client.close()
    expect(seen).toEqual([['größe', '😀€é', 'ü'], '✓', ['message', 'b', 'ü'], ['message', 'end', 'ü']])
  })

  it.each(['rst', 'fin', 'destroy'] as const)(
    'an event in whose middle the connection is cut by %s comes whole, once',
    async (ending) => {
      await using server = await startScriptedServer(async (exchange) => {
        const isResumed = exchange.request.headers.get('last-event-id') === '1'
        await exchange.writeEventStreamHead()
        if (!isResumed) await exchange.writeBody('id: 1\ndata: a\n\n')
        await exchange.writeBody('id: 2\ndata: b')
        if (isResumed) await exchange.writeBody('\n\ndata: end\n\n')
      })
      await using proxy = await startFaultProxy({ target: { port: server.port } })
      const client = createEventSource(proxy.url, QUICK)
      const seen: string[] = []
      client.onAny((event) => seen.push(event.data))
      await untilEvent(client, 'a')
      await nextTurn()
      const lost = causeOf(client)
      proxy.cutAll(ending)
      expect(await lost).toMatchObject({ name: 'ConnectionError', code: 'network' })
      await untilEvent(client, 'end')
      expect(seen).toEqual(['a', 'b', 'end'])
      client.close()
    },
  )

  it('headers that arrive after the connect timeout lead to a new attempt', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      if (exchange.requestIndex === 0) return exchange.closed
      await exchange.writeEventStreamHead()
      await exchange.writeBody('data: a\n\n')
    })
    const client = createEventSource(server.url, { ...QUICK, connectTimeoutMs: 100 })
    const event = untilEvent(client, 'a')
    expect(await causeOf(client)).toMatchObject({ code: 'connect-timeout' })
    await event
    client.close()
  })

  it.each(['closed-port', 'reset'] as const)(
    'a server that refuses for a while (%s) is connected to when it is back',
    async (how) => {
      await using server = await startScriptedServer(async (exchange) => {
        await exchange.writeEventStreamHead()
        await exchange.writeBody('data: a\n\n')
      })
      await using proxy = await startFaultProxy({ target: { port: server.port } })
      await proxy.refuse(how)
      const client = createEventSource(proxy.url, QUICK)
      const event = untilEvent(client, 'a')
      const codes: string[] = []
      client.onStatus((status) => status.state === 'reconnecting' && codes.push(status.cause.code))
      await expect.poll(() => codes.length).toBeGreaterThan(3)
      await proxy.accept()
      await event
      expect(new Set(codes)).toEqual(new Set(['network']))
      client.close()
    },
  )
})

describe('a server that cannot be reached', () => {
  it('where a host has no address, the DNS error is the cause', async () => {
    const client = createEventSource('http://no-such-host.invalid/', QUICK)
    expect(await causeOf(client)).toMatchObject({ code: 'network', cause: { syscall: 'getaddrinfo' } })
    client.close()
  })

  it('where TLS fails, the TLS error is the cause', async () => {
    const server = createServer(() => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    // Without a certificate no handshake succeeds.
    const client = createEventSource(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`, QUICK)
    expect(await causeOf(client)).toMatchObject({
      code: 'network',
      cause: { code: expect.stringMatching(/SSL|TLS/) },
    })
    client.close()
    server.close()
  })

  it('the client does not retry a server that redirects in a loop', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.respond({ status: 302, headers: { location: '/' } })
    })
    const client = createEventSource(server.url, QUICK)
    expect(await client.closed).toBe('error')
    expect(client.status).toMatchObject({ cause: { code: 'redirect' } })
    expect(server.requests).toHaveLength(21)
  })
})

describe('too much', () => {
  const MIB = 2 ** 20
  /** A server of raw bytes that writes as fast as the client reads. */
  async function startFlood(
    chunk: Buffer,
  ): Promise<{ url: string; writtenBytes: () => number } & AsyncDisposable> {
    let written = 0
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n')
        const pump = (): void => {
          while (!socket.destroyed) {
            written += chunk.length
            if (!socket.write(chunk)) return void socket.once('drain', pump)
          }
        }
        pump()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      writtenBytes: () => written,
      async [Symbol.asyncDispose]() {
        server.close()
        await once(server, 'close')
      },
    }
  }

  it('100 MB without a newline are a typed error at the limit, in bounded memory', async () => {
    await using flood = await startFlood(Buffer.from(`data: ${'x'.repeat(65_530)}`))
    const before = process.memoryUsage().rss
    const client = createEventSource(flood.url, { maxEventBytes: 4 * MIB })
    client.onAny(() => {})
    expect(await client.closed).toBe('error')
    expect(client.status).toMatchObject({ cause: { code: 'event-too-large', maxEventBytes: 4 * MIB } })
    expect(flood.writtenBytes()).toBeLessThan(30 * MIB)
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB)
  })

  it('a stalled loop pauses the socket of a flooding server, memory is bounded, and nothing is lost', async () => {
    const event = `data: ${'x'.repeat(1000)}\n\n`
    await using flood = await startFlood(Buffer.from(event.repeat(64)))
    const client = createEventSource(flood.url, { maxBufferedBytes: MIB })
    const iterator = client[Symbol.asyncIterator]()
    await iterator.next()
    const before = process.memoryUsage().rss
    let written = -1
    while (written !== flood.writtenBytes()) {
      written = flood.writtenBytes()
      await delay(200)
    }
    // What the kernels of both ends hold, and not more.
    expect(written).toBeLessThan(40 * MIB)
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * MIB)
    for (let count = 0; count < 5000; count += 1) await iterator.next()
    expect(flood.writtenBytes()).toBeGreaterThan(written)
    client.close()
  })
})

describe('close() at each stage leaves no socket, timer or listener, and no callback runs after it', () => {
  const stages: [stage: string, until: (client: EventSourceClient) => Promise<unknown>, target?: string][] = [
    ['while the request is made', () => Promise.resolve()],
    ['while connecting', () => delay(5), '/no-head'],
    ['with the head', (client) => statusOf(client, ({ state }) => state === 'open')],
    ['in the stream', (client) => untilEvent(client, 'a')],
    [
      'while waiting to reconnect',
      (client) => statusOf(client, ({ state }) => state === 'reconnecting'),
      '/cut',
    ],
    ['while reading the body of an error', () => delay(30), '/error'],
  ]

  it.each(stages)(
    'close() %s leaves no socket, no timer, no listener, and nothing fires after it',
    async (_stage, until, target = '/') => {
      await using server = await startScriptedServer(async (exchange) => {
        if (exchange.request.target === '/no-head') return
        if (exchange.request.target === '/error')
          await exchange.write('HTTP/1.1 404 No\r\ncontent-length: 100\r\n\r\nhalf')
        else {
          await exchange.writeEventStreamHead()
          await exchange.writeBody('data: a\n\n')
        }
        if (exchange.request.target === '/cut') exchange.reset()
      })
      const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
      const controller = new AbortController()
      const client = createEventSource(server.url + target, { signal: controller.signal })
      const events: string[] = []
      client.onAny(() => events.push('event'))
      client.onStatus((status) => events.push(status.state))
      await until(client)
      client.close()
      expect(await client.closed).toBe('client')
      const seen = [...events]
      controller.abort()
      await expect.poll(() => server.connections).toBe(0)
      await delay(20)
      expect(events).toEqual(seen)
      expect(events.at(-1)).toBe('closed')
      const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
      expect(timers).toBeLessThanOrEqual(timersBefore)
    },
  )

  it('a closed client lets the process end', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead()
      await exchange.writeBody(': heartbeat 15000\ndata: a\n\n')
    })
    const code = `
      import { createEventSource, EventSource } from '@sse-toolkit/event-source-client'
      const client = createEventSource('${server.url}')
      const source = new EventSource('${server.url}')
      let closedAt
      client.on('message', () => { client.close(); source.close(); closedAt = performance.now() })
      process.on('exit', () => console.log(performance.now() - closedAt))
    `
    await using program = await startProcess({
      args: ['--input-type=module', '--eval', code],
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    })
    expect(await program.exited).toEqual({ code: 0, signal: null })
    // undici would keep an idle connection for 4 s.
    expect(Number(program.stdout)).toBeLessThan(3000)
  })
})
