import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createVirtualClock } from '@sse-toolkit/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bytesResponse, createRouter } from '../src/index.ts'
import type { Server, ServerOptions } from '../src/node/index.ts'
import { channel } from '../src/node/web-socket/index.ts'
import { testOnly } from './certificates.ts'
import { rawClient } from './raw-client.ts'
import { frameTypes, rawHttp2Client } from './raw-http2-client.ts'
import type { RawHttp2Client } from './raw-http2-client.ts'
import { carrying, recordingSource } from './recording-source.ts'
import { eventually, recordingLogger, serving, turns } from './serving.ts'

// A client can leave in many ways. Whichever it takes, the server must notice: the body is cancelled, the source is told,
// the request's signal aborts, the request is no longer in flight, and the socket is gone.

const EVENT_STREAM = { headers: { 'content-type': 'text/event-stream' } }
const PATHS = ['/body', '/source', '/pending'] as const

/** A server with one event stream of each kind and one handler that never answers, and what has become of them. */
interface Observed {
  readonly server: Server & { readonly port: number }
  readonly opened: number
  /** Bodies that were cancelled. */
  readonly cancelled: number
  /** Sources that were told. */
  readonly closed: number
  /** Signals that aborted. */
  readonly aborted: number
}

async function observing(options: Partial<ServerOptions> = {}): Promise<Observed> {
  const counts = { opened: 0, cancelled: 0, closed: 0, aborted: 0 }
  const router = createRouter()
  const watch = (request: Request): void => {
    counts.opened += 1
    request.signal.addEventListener('abort', () => {
      counts.aborted += 1
    })
  }
  router.get('/body', (request) => {
    watch(request)
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(Buffer.from('data: x\n\n')),
        cancel: () => {
          counts.cancelled += 1
        },
      }),
      EVENT_STREAM,
    )
  })
  router.get('/source', (request) => {
    watch(request)
    return carrying({
      attach: (sink) => {
        const bytes = Buffer.from('data: x\n\n')
        sink.write({ bytes, chunk: Buffer.from('9\r\ndata: x\n\n\r\n') })
        return {
          drained: () => {},
          closed: () => {
            counts.closed += 1
          },
        }
      },
    })
  })
  router.get('/pending', (request) => {
    watch(request)
    return new Promise<Response>(() => {})
  })
  router.get('/flood', (request) => {
    watch(request)
    return new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
        cancel: () => {
          counts.cancelled += 1
        },
      }),
      EVENT_STREAM,
    )
  })
  const server = await serving({ fetch: router.fetch, ...options })
  return Object.defineProperties({ server } as Observed, {
    opened: { get: () => counts.opened },
    cancelled: { get: () => counts.cancelled },
    closed: { get: () => counts.closed },
    aborted: { get: () => counts.aborted },
  })
}

function isEmpty({ server }: Observed): boolean {
  return server.activeConnections === 0 && server.requestsInFlight === 0
}

/** An HTTP/2 client with a stream of each kind open. */
async function withOpenStreams(observed: Observed): Promise<RawHttp2Client> {
  const client = await rawHttp2Client(observed.server.port)
  onTestFinished(() => {
    client.tcp.destroy()
  })
  const before = observed.opened
  for (const path of PATHS) client.get(path)
  await client.until(({ type, streamId }) => type === frameTypes.data && streamId === 1)
  await client.until(({ type, streamId }) => type === frameTypes.data && streamId === 3)
  await eventually(() => observed.opened >= before + PATHS.length)
  return client
}

/** In each of these the client still reads, as far as it still has a connection. */
const DEPARTURES: readonly (readonly [how: string, leave: (client: RawHttp2Client) => void])[] = [
  ['FIN without close_notify', ({ tcp }) => tcp.end()],
  ['close_notify without FIN', (client) => client.sendCloseNotify()],
  [
    'close_notify and FIN',
    (client) => {
      client.sendCloseNotify()
      client.tls.once('finish', () => client.tcp.end())
    },
  ],
  ['RST', ({ tcp }) => tcp.resetAndDestroy()],
  [
    'GOAWAY and FIN',
    (client) => {
      client.send(frameTypes.goaway, 0, 0, new Uint8Array(8))
      client.tls.end(() => client.tcp.end())
    },
  ],
]

describe('an HTTP/2 client', () => {
  it.each(DEPARTURES)('that leaves by %s takes its streams with it', async (_how, leave) => {
    const observed = await observing({ tls: testOnly, http2PingIntervalMs: 0 })
    leave(await withOpenStreams(observed))
    await eventually(() => isEmpty(observed))
    expect([observed.cancelled, observed.closed, observed.aborted]).toEqual([1, 1, 3])
  })

  it.each(DEPARTURES.filter(([how]) => !how.includes('GOAWAY')))(
    'that leaves by %s before its first request leaves no connection behind',
    async (_how, leave) => {
      const observed = await observing({ tls: testOnly, idleTimeoutMs: 0, http2PingIntervalMs: 0 })
      const client = await rawHttp2Client(observed.server.port)
      await client.until(({ type }) => type === frameTypes.settings)
      leave(client)
      await eventually(() => observed.server.activeConnections === 0)
      expect(observed.server.requestsInFlight).toBe(0)
      client.tcp.destroy()
    },
  )

  it('that takes nothing of its responses, and leaves by FIN, takes its streams with it', async () => {
    const observed = await observing({ tls: testOnly, http2PingIntervalMs: 0 })
    const client = await rawHttp2Client(observed.server.port)
    client.acknowledge()
    client.get('/flood')
    await client.until(({ type }) => type === frameTypes.data)
    client.tcp.pause()
    client.tcp.end()
    await eventually(() => isEmpty(observed))
    expect([observed.cancelled, observed.aborted]).toEqual([1, 1])
    client.tcp.destroy()
  })

  it('that leaves during the TLS handshake leaves no connection behind', async () => {
    const observed = await observing({ tls: testOnly, headersTimeoutMs: 0 })
    const client = await rawClient({ port: observed.server.port, host: '127.0.0.1', allowHalfOpen: true })
    await eventually(() => observed.server.activeConnections === 1)
    client.socket.end()
    await eventually(() => observed.server.activeConnections === 0)
    expect(observed.server.requestsInFlight).toBe(0)
    client.destroy()
  })

  it(
    'of every kind comes and goes, and nothing is left after hundreds of them',
    { timeout: 60_000 },
    async () => {
      const clock = createVirtualClock()
      const logger = recordingLogger()
      const observed = await observing({ tls: testOnly, runtime: clock, responseStallTimeoutMs: 0, logger })
      // The last way to leave says nothing at all: the kernel is there, but nobody answers.
      const ways = [...DEPARTURES, ['silence', () => {}] as const]
      const visit = async (way: number): Promise<void> => {
        const client = await withOpenStreams(observed)
        ways[way]?.[1](client)
      }
      const rounds = 25
      for (let round = 0; round < rounds; round += 1) {
        await Promise.all(ways.map((_way, way) => visit(way)))
        // All but the silent one are noticed without a PING.
        await eventually(() => observed.server.activeConnections === 1)
        await clock.advance(30_000)
        await eventually(() => isEmpty(observed))
      }
      const visits = rounds * ways.length
      expect(observed.aborted).toBe(visits * PATHS.length)
      expect(clock.pendingTimers).toBe(0)
      expect([observed.opened, observed.cancelled, observed.closed]).toEqual([visits * 3, visits, visits])
      expect(logger.records.filter(({ event }) => event === 'body-failed')).toEqual([])
      expect(await observed.server.close({ timeoutMs: Infinity })).toEqual({
        destroyedConnections: 0,
        call: 'first',
      })
    },
  )
})

describe('an HTTP/2 client that says nothing', () => {
  const isPing = ({ type, flags }: { type: number; flags: number }): boolean =>
    type === frameTypes.ping && flags === 0

  it('is sent a PING (RFC 9113 section 6.7) after http2PingIntervalMs, and is gone when that passes again', async () => {
    const clock = createVirtualClock()
    const logger = recordingLogger()
    const observed = await observing({
      tls: testOnly,
      runtime: clock,
      responseStallTimeoutMs: 0,
      http2PingIntervalMs: 5000,
      logger,
    })
    const client = await withOpenStreams(observed)
    await clock.advance(4999)
    await turns(5)
    expect(client.frames.some(isPing)).toBe(false)
    await clock.advance(1)
    await client.until(isPing)
    await clock.advance(4999)
    expect(observed.server.activeConnections).toBe(1)
    await clock.advance(1)
    await eventually(() => isEmpty(observed))
    expect([observed.cancelled, observed.closed, observed.aborted]).toEqual([1, 1, 3])
    expect(logger.records).toContainEqual(
      expect.objectContaining({ event: 'connection-failed', reason: 'the client did not answer a PING' }),
    )
    expect(clock.pendingTimers).toBe(0)
  })

  it('stays as long as it answers, and no timer is left when it goes', async () => {
    const clock = createVirtualClock()
    const observed = await observing({
      tls: testOnly,
      runtime: clock,
      responseStallTimeoutMs: 0,
      http2PingIntervalMs: 5000,
    })
    const client = await withOpenStreams(observed)
    client.acknowledge()
    for (let round = 1; round <= 5; round += 1) {
      await clock.advance(5000)
      await eventually(() => client.frames.filter(isPing).length === round)
      // The answer has arrived when the answer to a PING of the client's has.
      client.send(frameTypes.ping, 0, 0, Buffer.alloc(8, round))
      await client.until(
        ({ type, flags, payload }) => type === frameTypes.ping && flags === 1 && payload[0] === round,
      )
    }
    expect([observed.server.activeConnections, observed.server.requestsInFlight]).toEqual([1, 3])
    client.tcp.destroy()
    await eventually(() => isEmpty(observed))
    expect(clock.pendingTimers).toBe(0)
  })

  it('that is Node’s own answers its PINGs', async () => {
    const observed = await observing({ tls: testOnly, http2PingIntervalMs: 100 })
    const session = connectHttp2(`https://localhost:${observed.server.port}`, { ca: testOnly.cert })
    onTestFinished(() => {
      session.destroy()
    })
    let pings = 0
    session.on('ping', () => {
      pings += 1
    })
    await once(session.request({ ':path': '/source' }), 'response')
    await eventually(() => pings === 5)
    expect([observed.server.requestsInFlight, session.destroyed]).toEqual([1, false])
  })

  it('is asked by SETTINGS (RFC 9113 section 6.5.3) once the connection is closing: Node sends no PING then', async () => {
    const clock = createVirtualClock()
    const observed = await observing({
      tls: testOnly,
      runtime: clock,
      responseStallTimeoutMs: 0,
      http2PingIntervalMs: 5000,
    })
    const [answering, silent] = [await withOpenStreams(observed), await withOpenStreams(observed)]
    answering.acknowledge()
    for (const client of [answering, silent]) {
      client.send(frameTypes.goaway, 0, 0, new Uint8Array(8))
      await client.until(({ type }) => type === frameTypes.goaway)
    }
    const settings = (): number =>
      answering.frames.filter(({ type, flags }) => type === 4 && flags === 0).length
    for (let round = 0; round < 3; round += 1) {
      const before = settings()
      await clock.advance(5000)
      await eventually(() => settings() === before + 1)
      await turns(20)
    }
    await eventually(() => observed.server.activeConnections === 1)
    expect(observed.server.requestsInFlight).toBe(3)
    answering.tcp.destroy()
    await eventually(() => isEmpty(observed))
  })

  it('is asked every 15 seconds by default, and never where http2PingIntervalMs is 0', async () => {
    const delays: number[] = []
    const timers = {
      setTimeout: (_callback: () => void, delayMs: number) => delays.push(delayMs),
      clearTimeout() {},
    }
    const byDefault = await observing({ tls: testOnly, runtime: timers, responseStallTimeoutMs: 0 })
    await withOpenStreams(byDefault)
    expect(delays).toEqual([15_000])
    const never = await observing({
      tls: testOnly,
      runtime: timers,
      responseStallTimeoutMs: 0,
      http2PingIntervalMs: 0,
    })
    await withOpenStreams(never)
    expect(delays).toEqual([15_000])
  })

  it('does not outlive the end of its last stream where the connection is closing', async () => {
    const clock = createVirtualClock()
    const observed = await observing({ tls: testOnly, runtime: clock, responseStallTimeoutMs: 0 })
    const client = await withOpenStreams(observed)
    client.send(frameTypes.goaway, 0, 0, new Uint8Array(8))
    for (const streamId of [1, 3, 5]) {
      const cancel = Buffer.of(0, 0, 0, 8)
      client.send(frameTypes.rstStream, 0, streamId, cancel)
    }
    await eventually(() => observed.server.requestsInFlight === 0)
    await turns(10)
    expect(observed.server.activeConnections).toBe(1)
    await clock.advance(1000)
    await eventually(() => isEmpty(observed))
  })

  it('and ignores that its idle connection is closed does not keep it', async () => {
    const observed = await observing({ tls: testOnly, idleTimeoutMs: 1, http2PingIntervalMs: 0 })
    const client = await rawHttp2Client(observed.server.port)
    await client.until(({ type }) => type === frameTypes.goaway)
    await eventually(() => observed.server.activeConnections === 0)
    expect(observed.server.requestsInFlight).toBe(0)
    client.tcp.destroy()
  })
})

describe.each([
  ['TCP, its connection handed over', {}],
  ['TCP, its connection with node:http', { socketHandover: 'off' }],
  ['TLS', { tls: testOnly }],
] as const)('an HTTP/1.1 client on %s', (_name, options) => {
  interface Client {
    readonly tcp: Socket
    readonly socket: Socket
  }

  async function asking(observed: Observed, path: string): Promise<Client> {
    const { socket: tcp } = await rawClient({
      port: observed.server.port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    })
    onTestFinished(() => {
      tcp.destroy()
    })
    let socket: Socket = tcp
    if ('tls' in options) {
      tcp.removeAllListeners('data')
      socket = connectTls({ socket: tcp, rejectUnauthorized: false })
      socket.allowHalfOpen = true
      socket.on('error', () => {})
      await once(socket, 'secureConnect')
    }
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    if (path !== '/pending') {
      await once(socket, 'data')
      socket.resume()
    }
    await eventually(() => observed.opened === 1)
    await turns(5)
    return { tcp, socket }
  }

  // RFC 9112 does not know a half-closed client. One that only looks like it has left by FIN; and an event stream has
  // no end that a client could be waiting for.
  it.each(['/body', '/source', '/pending', '/flood'])(
    'that sends no more, but could still read, is gone: %s',
    async (path) => {
      const observed = await observing(options)
      const { tcp, socket } = await asking(observed, path)
      if (path === '/flood') {
        socket.pause()
        tcp.pause()
        await turns(50)
      }
      socket.end()
      await eventually(() => isEmpty(observed))
      expect(observed.aborted).toBe(1)
      expect(observed.cancelled + observed.closed).toBe(path === '/pending' ? 0 : 1)
    },
  )

  it.each(['/body', '/source', '/pending', '/flood'])(
    'that resets its connection is gone: %s',
    async (path) => {
      const observed = await observing(options)
      const { tcp } = await asking(observed, path)
      tcp.resetAndDestroy()
      await eventually(() => isEmpty(observed))
      expect(observed.aborted).toBe(1)
    },
  )
})

describe('an HTTP/1.1 client that sends no more', () => {
  it('gets what has been written of a response that is complete', async () => {
    const size = 20_000_000
    let served = 0
    const server = await serving({
      fetch: () => {
        served += 1
        return bytesResponse(new Uint8Array(size))
      },
    })
    const client = await rawClient({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => served === 1)
    client.socket.end()
    await turns(20)
    client.socket.resume()
    const received = await client.closed
    expect(received.length - received.indexOf('\r\n\r\n') - 4).toBe(size)
  })

  it('while it waits for the answer to a WebSocket handshake is gone', async () => {
    const observed: string[] = []
    const server = await serving({
      fetch: async (request) => {
        request.signal.addEventListener('abort', () => observed.push('aborted'))
        await new Promise(() => {})
        return channel(request, {})
      },
    })
    const client = await rawClient({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    client.send(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await eventually(() => server.requestsInFlight === 1)
    client.socket.end()
    await eventually(() => server.requestsInFlight === 0 && server.activeConnections === 0)
    expect(observed).toEqual(['aborted'])
    client.destroy()
  })
})

describe('the signal of a request', () => {
  it.each([
    ['light', 'auto'],
    ['light', 'off'],
    ['native', 'auto'],
    ['native', 'off'],
  ] as const)(
    'aborts although nothing else of the request was kept (%s requests, socketHandover %s)',
    async (requests, socketHandover) => {
      setFlagsFromString('--expose-gc')
      const gc = runInNewContext('gc') as () => void
      let aborted = 0
      const source = recordingSource()
      const server = await serving({
        requests,
        socketHandover,
        fetch: (request) => {
          request.signal.addEventListener('abort', () => {
            aborted += 1
          })
          return carrying(source)
        },
      })
      const client = await rawClient(server.port)
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await client.until('\r\n\r\n')
      for (let round = 0; round < 3; round += 1) {
        await turns(3)
        gc()
      }
      client.destroy()
      await eventually(() => server.activeConnections === 0)
      expect(aborted).toBe(1)
    },
  )
})

describe.skipIf(process.platform !== 'linux')('tcpKeepAliveMs', () => {
  /** The timer that the kernel runs for the server's end of a connection, as /proc/net/tcp shows it. */
  function keepAliveTimerMs(serverPort: number, clientPort: number): number | undefined {
    const port = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0')
    const ends = `0100007F:${port(serverPort)} 0100007F:${port(clientPort)} `
    const line = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .find((text) => text.includes(ends))
    const [, kind, left] = / (\d\d):([0-9A-F]{8}) /.exec(line ?? '') ?? []
    // 02: the keep-alive timer. In hundredths of a second.
    return kind === '02' ? Number.parseInt(left ?? '', 16) * 10 : undefined
  }

  it.each([
    [undefined, 15_000],
    [7000, 7000],
    [0, undefined],
  ])(
    'of %s has the kernel ask a silent client after %s ms, also with its connection handed over',
    async (given, expected) => {
      const observed = await observing(given === undefined ? {} : { tcpKeepAliveMs: given })
      const client = await rawClient(observed.server.port)
      client.send('GET /source HTTP/1.1\r\nHost: a\r\n\r\n')
      await client.until('data: x')
      await turns(5)
      const clientPort = client.socket.localPort ?? 0
      // A retransmission timer may run for a moment.
      if (expected !== undefined) {
        await eventually(() => keepAliveTimerMs(observed.server.port, clientPort) !== undefined)
      }
      const timer = keepAliveTimerMs(observed.server.port, clientPort)
      if (expected === undefined) expect(timer).toBeUndefined()
      else expect(Math.abs((timer ?? 0) - expected)).toBeLessThan(2000)
      client.destroy()
    },
  )
})
