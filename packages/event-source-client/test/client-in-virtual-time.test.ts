import { createVirtualClock } from '@sse-toolkit/testing'
import type { VirtualClock } from '@sse-toolkit/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEventSource, EventSource } from '../src/index.ts'
import type { EventSourceClient, EventSourceOptions, Runtime, StreamStatus } from '../src/index.ts'
import { createMemoryServer } from './memory-transport.ts'
import type { MemoryServer } from './memory-transport.ts'

interface Setting {
  readonly clock: VirtualClock
  readonly server: MemoryServer
  readonly client: EventSourceClient
  readonly statuses: StreamStatus[]
  readonly data: string[]
}

function runtimeOf(clock: VirtualClock, chance = 0.5): Runtime {
  return { ...clock, wallClock: clock.now, random: () => chance }
}

/** A client on virtual time whose events are read by a listener, after its first request. */
async function start(options: EventSourceOptions = {}): Promise<Setting> {
  const clock = createVirtualClock({ startMs: Date.UTC(2026, 0, 1) })
  const server = createMemoryServer()
  const client = createEventSource('http://test/', {
    transport: server.transport,
    runtime: runtimeOf(clock),
    ...options,
  })
  const statuses: StreamStatus[] = []
  const data: string[] = []
  client.onStatus((status) => statuses.push(status))
  client.onAny((event) => data.push(event.data))
  await clock.advance(0)
  return { clock, server, client, statuses, data }
}

/** Closes, and shows that nothing is left. */
async function leaveNothing({ clock, server, client }: Setting): Promise<void> {
  client.close()
  await client.closed
  expect(clock.pendingTimers).toBe(0)
  expect(server.openCount).toBe(0)
}

describe('connecting', () => {
  it('the client gives up on a response that does not begin within connectTimeoutMs, 30 s by default', async () => {
    const setting = await start()
    await setting.clock.advance(29_999)
    expect(setting.client.status).toEqual({ state: 'connecting', attempt: 0 })
    await setting.clock.advance(1)
    expect(setting.client.status).toMatchObject({
      state: 'reconnecting',
      delayMs: 500,
      attempt: 1,
      cause: { code: 'connect-timeout' },
    })
    expect(setting.server.last.isAborted).toBe(true)
    await leaveNothing(setting)
  })

  it('the connect timeout counts the time of the functions that make the request', async () => {
    const setting = await start({ headers: () => new Promise(() => {}), connectTimeoutMs: 1000 })
    await setting.clock.advance(1000)
    expect(setting.client.status).toMatchObject({ cause: { code: 'connect-timeout' } })
    expect(setting.server.exchanges).toHaveLength(0)
    await leaveNothing(setting)
  })

  it('with connectTimeoutMs: 0, the client waits without limit', async () => {
    const setting = await start({ connectTimeoutMs: 0 })
    await setting.clock.advance(86_400_000)
    expect(setting.client.status).toEqual({ state: 'connecting', attempt: 0 })
    await leaveNothing(setting)
  })

  it('the connect timeout does not apply once the body has begun', async () => {
    const setting = await start({ connectTimeoutMs: 1000 })
    setting.server.last.respond()
    await setting.clock.advance(3_600_000)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    await leaveNothing(setting)
  })
})

describe('silence', () => {
  it('a stream may be silent for hours if the server announces no heartbeat', async () => {
    const setting = await start()
    setting.server.last.respond()
    await setting.clock.advance(86_400_000)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    await leaveNothing(setting)
  })

  it('a connection that misses three announced heartbeats is dead', async () => {
    const setting = await start()
    setting.server.last.respond()
    await setting.clock.advance(100_000)
    setting.server.last.write(': sse-toolkit 1\n: heartbeat 15000\n\n')
    await setting.clock.advance(44_999)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    await setting.clock.advance(1)
    expect(setting.client.status).toMatchObject({ state: 'reconnecting', cause: { code: 'idle-timeout' } })
    await leaveNothing(setting)
  })

  it.each(['heartbeat 17', 'heartbeat 15000'])(
    'a comment "%s" has no effect if the server does not follow the wire contract',
    async (comment) => {
      const setting = await start()
      setting.server.last.respond()
      setting.server.last.write(`: ${comment}\n\ndata: a\n\n`)
      await setting.clock.advance(86_400_000)
      expect(setting.client.status).toMatchObject({ state: 'open' })
      await leaveNothing(setting)
    },
  )

  it('an announced heartbeat has no effect when the wire contract is ignored', async () => {
    const setting = await start({ wireContract: 'ignore' })
    setting.server.last.respond()
    setting.server.last.write(': sse-toolkit 1\n: heartbeat 1000\n\n')
    await setting.clock.advance(86_400_000)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    await leaveNothing(setting)
  })

  it('any byte ends a silence, a comment among them', async () => {
    const setting = await start()
    setting.server.last.respond()
    setting.server.last.write(': sse-toolkit 1\n: heartbeat 1000\n\n')
    for (let second = 0; second < 100; second += 1) {
      await setting.clock.advance(2900)
      setting.server.last.write(':\n')
    }
    expect(setting.client.status).toMatchObject({ state: 'open' })
    await setting.clock.advance(3000)
    expect(setting.client.status).toMatchObject({ state: 'reconnecting' })
    await leaveNothing(setting)
  })

  it('if idleTimeoutMs is a number, it alone limits a silence', async () => {
    const setting = await start({ idleTimeoutMs: 7000 })
    setting.server.last.respond()
    setting.server.last.write(': sse-toolkit 1\n: heartbeat 1000\n\n')
    await setting.clock.advance(6999)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    await setting.clock.advance(1)
    expect(setting.client.status).toMatchObject({ cause: { code: 'idle-timeout' } })
    await leaveNothing(setting)
  })

  it('a silence does not count while the client itself pauses reading', async () => {
    const setting = await start({ idleTimeoutMs: 5000 })
    setting.server.last.respond()
    const reader = setting.client[Symbol.asyncIterator]()
    setting.server.last.write(`data: ${'x'.repeat(2 ** 20)}\n\n`)
    expect(setting.server.last.isPaused).toBe(true)
    await setting.clock.advance(60_000)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    await reader.next()
    expect(setting.server.last.isPaused).toBe(false)
    await setting.clock.advance(4999)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    await setting.clock.advance(1)
    expect(setting.client.status).toMatchObject({ cause: { code: 'idle-timeout' } })
    await leaveNothing(setting)
  })
})

describe('a clock that is set back', () => {
  it('a clock that is set back does not hide a silence', async () => {
    const clock = createVirtualClock({ startMs: Date.UTC(2026, 0, 1) })
    let setBackMs = 0
    const runtime = { ...runtimeOf(clock), wallClock: () => clock.now() - setBackMs }
    const server = createMemoryServer()
    const client = createEventSource('http://test/', { transport: server.transport, runtime })
    client.onAny(() => {})
    await clock.advance(0)
    server.last.respond()
    server.last.write(': sse-toolkit 1\n: heartbeat 1000\n\n')
    setBackMs = 3_600_000
    await clock.advance(2999)
    expect(client.status).toMatchObject({ state: 'open' })
    await clock.advance(1)
    expect(client.status).toMatchObject({ state: 'reconnecting', cause: { code: 'idle-timeout' } })
    client.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe.each([
  ['stands still meanwhile, as on Linux', 0],
  ['goes on', 1],
])("a machine's sleep, where the monotonic clock %s", (_how, share) => {
  /** Time passes without timers, as in sleep: they all fire late, together. */
  const sleepy = (): {
    options: EventSourceOptions
    sleep: (durationMs: number) => void
    clock: VirtualClock
  } => {
    const clock = createVirtualClock({ startMs: 0 })
    let sleptMs = 0
    const runtime = {
      ...runtimeOf(clock),
      now: () => clock.now() + sleptMs * share,
      wallClock: () => clock.now() + sleptMs,
    }
    return { options: { runtime }, clock, sleep: (durationMs) => (sleptMs += durationMs) }
  }

  it('hours of sleep lead to a new connection soon after waking', async () => {
    const { options, sleep, clock } = sleepy()
    const setting = await start(options)
    await clock.advance(0)
    setting.server.last.respond()
    sleep(3_600_000)
    await clock.advance(15_000 + 1000)
    expect(setting.client.status).toMatchObject({ cause: { code: 'suspended' } })
    setting.client.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('a sleep is forgiven if the connection shows a byte right after it', async () => {
    const { options, sleep, clock } = sleepy()
    const setting = await start(options)
    await clock.advance(0)
    setting.server.last.respond()
    setting.server.last.write(': sse-toolkit 1\n: heartbeat 15000\n\n')
    sleep(3_600_000)
    await clock.advance(15_000 + 500)
    setting.server.last.write(':\n\n')
    await clock.advance(10_000)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    setting.client.close()
  })

  it('a timer that is a minute late, as those of hidden pages are, does not count as sleep', async () => {
    const { options, sleep, clock } = sleepy()
    const setting = await start(options)
    await clock.advance(0)
    setting.server.last.respond()
    for (let minute = 0; minute < 10; minute += 1) {
      sleep(60_000)
      await clock.advance(15_000)
    }
    expect(setting.client.status).toMatchObject({ state: 'open' })
    setting.client.close()
  })
})

describe('reconnecting', () => {
  it('the client waits longer after each failure, from 1 s to 30 s', async () => {
    const setting = await start()
    const delays: number[] = []
    setting.client.onStatus((status) => status.state === 'reconnecting' && delays.push(status.delayMs))
    for (let attempt = 0; attempt < 8; attempt += 1) {
      setting.server.last.fail(new Error('reset'))
      await setting.clock.advance(0)
      await setting.clock.advance(delays.at(-1) ?? 0)
    }
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
    expect(setting.server.exchanges).toHaveLength(9)
    await leaveNothing(setting)
  })

  it('the client does not spin when the server sends retry: 0 and ends each response at once', async () => {
    const setting = await start()
    for (let second = 0; second < 60; second += 1) {
      await setting.clock.advance(1000)
      if (!setting.server.last.isAborted && setting.client.status.state === 'connecting') {
        setting.server.last.respond()
        setting.server.last.write('retry: 0\n\n')
        setting.server.last.end()
      }
    }
    expect(setting.server.exchanges.length).toBeLessThan(12)
    await leaveNothing(setting)
  })

  it('the client waits no longer than maxDelayMs for retry: 4294967296', async () => {
    const setting = await start()
    setting.server.last.respond()
    setting.server.last.write('retry: 4294967296\n\n')
    setting.server.last.end()
    await setting.clock.advance(0)
    expect(setting.client.status).toMatchObject({ state: 'reconnecting', delayMs: 15_000 })
    await leaveNothing(setting)
  })

  it.each(['7', 'Thu, 01 Jan 2026 00:00:07 GMT'])(
    'the client obeys Retry-After: %s (RFC 9110, section 10.2.3)',
    async (retryAfter) => {
      const setting = await start()
      setting.server.last.respond(503, { 'retry-after': retryAfter })
      setting.server.last.end()
      await setting.clock.advance(0)
      expect(setting.client.status).toMatchObject({ state: 'reconnecting', delayMs: 7500 })
      await leaveNothing(setting)
    },
  )

  it('the client gives up after maxAttempts, with the last failure as the cause', async () => {
    const setting = await start({ reconnection: { maxAttempts: 2 } })
    for (let attempt = 0; attempt < 3; attempt += 1) {
      setting.server.last.fail(new Error(`failure ${attempt}`))
      await setting.clock.advance(30_000)
    }
    expect(await setting.client.closed).toBe('gave-up')
    expect(setting.client.status).toMatchObject({ cause: { code: 'network', message: 'failure 2' } })
    await leaveNothing(setting)
  })

  it('the client uses a custom backoff, and clamps it to the bounds', async () => {
    const seen: number[] = []
    const setting = await start({
      reconnection: {
        backoff: ({ failures }) => {
          seen.push(failures)
          return failures === 1 ? 1234 : 1e9
        },
      },
    })
    setting.server.last.fail(new Error('x'))
    await setting.clock.advance(1234)
    setting.server.last.fail(new Error('x'))
    await setting.clock.advance(0)
    expect(setting.client.status).toMatchObject({ delayMs: 30_000 })
    expect(seen).toEqual([1, 2])
    await leaveNothing(setting)
  })

  it.each<[string, () => boolean | Promise<boolean>]>([
    [
      'throws',
      () => {
        throw new RangeError('mine')
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('mine'))],
  ])('the stream closes with the error when shouldReconnect %s', async (_how, fail) => {
    const setting = await start({ shouldReconnect: fail })
    setting.server.last.fail(new Error('x'))
    expect(await setting.client.closed).toBe('error')
    expect(setting.client.status).toMatchObject({ cause: { code: 'callback', cause: { message: 'mine' } } })
    await leaveNothing(setting)
  })

  it('reconnect() connects at once, from every state but closed', async () => {
    const setting = await start()
    const { client, server, clock } = setting
    client.reconnect()
    await clock.advance(0)
    expect([server.exchanges.length, server.exchanges[0]?.isAborted]).toEqual([2, true])
    server.last.respond()
    client.reconnect()
    await clock.advance(0)
    expect([server.exchanges.length, server.exchanges[1]?.isAborted]).toEqual([3, true])
    server.last.fail(new Error('x'))
    await clock.advance(0)
    expect(client.status.state).toBe('reconnecting')
    client.reconnect()
    await clock.advance(0)
    expect([server.exchanges.length, client.status.state]).toEqual([4, 'connecting'])
    client.close()
    client.reconnect()
    await clock.advance(60_000)
    expect(server.exchanges).toHaveLength(4)
    await leaveNothing(setting)
  })

  it('the client resumes after the last complete event', async () => {
    const setting = await start()
    setting.server.last.respond()
    setting.server.last.write('id: 1\ndata: a\n\nid: 2\ndata: b\n')
    setting.server.last.end()
    await setting.clock.advance(1000)
    expect(setting.server.last.request.headers.get('last-event-id')).toBe('1')
    expect(setting.data).toEqual(['a'])
    await leaveNothing(setting)
  })
})

describe('credentials', () => {
  it('on 401, the client calls onUnauthorized once and repeats the request at once with fresh headers', async () => {
    let token = 0
    const refusals: number[] = []
    const setting = await start({
      headers: () => ({ authorization: `Bearer ${token}` }),
      onUnauthorized: ({ status }) => {
        refusals.push(status)
        token += 1
      },
    })
    setting.server.last.respond(401)
    setting.server.last.end()
    await setting.clock.advance(0)
    expect(setting.server.last.request.headers.get('authorization')).toBe('Bearer 1')
    setting.server.last.respond(401)
    setting.server.last.write('who are you?')
    setting.server.last.end()
    expect(await setting.client.closed).toBe('refused')
    expect(setting.client.status).toMatchObject({
      cause: { code: 'status', status: 401, body: 'who are you?' },
    })
    expect(refusals).toEqual([401])
    await leaveNothing(setting)
  })

  it('onUnauthorized may be called again after a stream has opened', async () => {
    let renewals = 0
    const setting = await start({ onUnauthorized: () => (renewals += 1) })
    for (let round = 1; round <= 3; round += 1) {
      setting.server.last.respond(403)
      setting.server.last.end()
      await setting.clock.advance(0)
      setting.server.last.respond()
      expect([renewals, setting.client.status.state]).toEqual([round, 'open'])
      setting.client.reconnect()
      await setting.clock.advance(0)
    }
    await leaveNothing(setting)
  })

  it.each([
    ['false', () => false],
    ['a promise of false', () => Promise.resolve(false)],
  ])('the stream closes if %s refuses to renew the credentials', async (_name, onUnauthorized) => {
    const setting = await start({ onUnauthorized })
    setting.server.last.respond(401)
    setting.server.last.end()
    expect(await setting.client.closed).toBe('refused')
    await leaveNothing(setting)
  })

  it('a renewal that fails after reconnect() does not harm the new stream', async () => {
    const renewal = Promise.withResolvers<void>()
    const setting = await start({ onUnauthorized: () => renewal.promise })
    setting.server.last.respond(401)
    setting.server.last.end()
    await setting.clock.advance(0)
    setting.client.reconnect()
    await setting.clock.advance(0)
    setting.server.last.respond()
    renewal.reject(new Error('no longer needed'))
    await setting.clock.advance(0)
    expect(setting.client.status.state).toBe('open')
    await leaveNothing(setting)
  })

  it('credentials that come after close() change nothing', async () => {
    const renewal = Promise.withResolvers<void>()
    const setting = await start({ onUnauthorized: () => renewal.promise })
    setting.server.last.respond(401)
    setting.server.last.end()
    await setting.clock.advance(0)
    setting.client.close()
    renewal.resolve()
    await setting.clock.advance(60_000)
    expect(setting.server.exchanges).toHaveLength(1)
    await leaveNothing(setting)
  })
})

describe('a response that is not an event stream', () => {
  it.each([
    [400, 'refused'],
    [401, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [410, 'refused'],
    [301, 'refused'],
    [201, 'refused'],
    [204, 'no-content'],
  ] as const)('a response with status %d closes the stream: %s', async (status, reason) => {
    const setting = await start()
    setting.server.last.respond(status)
    setting.server.last.end()
    expect(await setting.client.closed).toBe(reason)
    await leaveNothing(setting)
  })

  it.each([408, 425, 429, 500, 502, 503, 504])(
    'the client repeats a request that was answered %d',
    async (status) => {
      const setting = await start()
      setting.server.last.respond(status)
      setting.server.last.end()
      await setting.clock.advance(0)
      expect(setting.client.status).toMatchObject({
        state: 'reconnecting',
        cause: { code: 'status', status },
      })
      await leaveNothing(setting)
    },
  )

  it.each(['text/html', 'text/event-streamer', 'application/json', ''])(
    'a response with the content type %j closes the stream',
    async (type) => {
      const setting = await start()
      setting.server.last.respond(200, { 'content-type': type })
      setting.server.last.write('<html>')
      setting.server.last.end()
      expect(await setting.client.closed).toBe('refused')
      expect(setting.client.status).toMatchObject({ cause: { code: 'content-type', body: '<html>' } })
      await leaveNothing(setting)
    },
  )

  it.each([
    'text/event-stream',
    'Text/Event-Stream',
    'text/event-stream; charset=utf-8',
    'text/event-stream ;x',
    'text/event-stream\t;x',
  ])('a response is an event stream if its content type is %j', async (type) => {
    const setting = await start()
    setting.server.last.respond(200, { 'content-type': type })
    expect(setting.client.status.state).toBe('open')
    await leaveNothing(setting)
  })

  it('shouldReconnect can override what happens after a response that is not an event stream', async () => {
    const setting = await start({
      shouldReconnect: (failure) =>
        failure.code === 'status' && 'status' in failure ? failure.status === 404 : undefined,
    })
    setting.server.last.respond(404)
    setting.server.last.end()
    await setting.clock.advance(500)
    expect(setting.server.exchanges).toHaveLength(2)
    setting.server.last.respond(503)
    setting.server.last.end()
    expect(await setting.client.closed).toBe('refused')
    await leaveNothing(setting)
  })

  it.each([
    [false, 1, 'refused'],
    [undefined, 1, 'refused'],
    [true, 2, undefined],
  ])('shouldReconnect may be asynchronous: a promise of %s', async (answer, requests, reason) => {
    const setting = await start({ shouldReconnect: () => Promise.resolve(answer) })
    let closed: string | undefined
    void setting.client.closed.then((given) => (closed = given))
    setting.server.last.respond(404)
    setting.server.last.end()
    await setting.clock.advance(500)
    expect([setting.server.exchanges.length, closed]).toEqual([requests, reason])
    setting.client.close()
    await leaveNothing(setting)
  })

  it('a pending shouldReconnect has no effect after close()', async () => {
    const answer = Promise.withResolvers<boolean>()
    const setting = await start({ shouldReconnect: () => answer.promise })
    setting.server.last.fail(new Error('x'))
    await setting.clock.advance(0)
    setting.client.close()
    answer.resolve(true)
    await setting.clock.advance(60_000)
    expect(setting.server.exchanges).toHaveLength(1)
    await leaveNothing(setting)
  })

  it('a ResponseError keeps the first 4096 bytes of the body, even of an endless one', async () => {
    const setting = await start()
    setting.server.last.respond(400)
    setting.server.last.write('x'.repeat(4000))
    await setting.clock.advance(10)
    setting.server.last.write('y'.repeat(4000))
    expect(await setting.client.closed).toBe('refused')
    expect(setting.client.status).toMatchObject({ cause: { body: 'x'.repeat(4000) + 'y'.repeat(96) } })
    await leaveNothing(setting)
  })

  it('a refusal is reported after 5 s if its body does not arrive', async () => {
    const setting = await start()
    setting.server.last.respond(400)
    await setting.clock.advance(5000)
    expect(setting.client.status).toMatchObject({ state: 'closed', cause: { status: 400, body: '' } })
    await leaveNothing(setting)
  })

  it('a refusal is reported even if nothing reads events yet', async () => {
    const clock = createVirtualClock()
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      runtime: runtimeOf(clock),
    })
    await clock.advance(0)
    server.last.respond(404)
    server.last.write('nothing here')
    server.last.end()
    expect(await client.closed).toBe('refused')
    expect(client.status).toMatchObject({ cause: { body: 'nothing here' } })
  })
})

describe('reconnect', () => {
  const after = async (options: EventSourceOptions, what: 'end' | 'failure'): Promise<StreamStatus> => {
    const setting = await start(options)
    setting.server.last.respond()
    if (what === 'end') setting.server.last.end()
    else setting.server.last.fail(new Error('cut'))
    await setting.clock.advance(0)
    const { status } = setting.client
    await leaveNothing(setting)
    return status
  }

  it.each([
    [{}, 'end', 'reconnecting'],
    [{}, 'failure', 'reconnecting'],
    [{ reconnect: 'on-error' }, 'end', 'completed'],
    [{ reconnect: 'on-error' }, 'failure', 'reconnecting'],
    [{ reconnect: 'never' }, 'end', 'completed'],
    [{ reconnect: 'never' }, 'failure', 'interrupted'],
    [{ method: 'POST' }, 'end', 'completed'],
    [{ method: 'POST' }, 'failure', 'interrupted'],
    [{ method: 'QUERY' }, 'failure', 'reconnecting'],
    [{ method: 'HEAD' }, 'end', 'reconnecting'],
    [{ terminator: '[DONE]', reconnect: 'on-error' }, 'end', 'reconnecting'],
    [{ terminator: '[DONE]', method: 'POST' }, 'end', 'interrupted'],
    [{ method: (): string => 'POST' }, 'end', 'completed'],
    [{ method: (): string => 'POST' }, 'failure', 'reconnecting'],
    [{ method: 'post', reconnect: 'always' }, 'end', 'reconnecting'],
  ] as const)(
    'with the options %j the stream is, after the %s of a connection, %s',
    async (options, what, expected) => {
      const status = await after(options, what)
      expect(status.state === 'closed' ? status.reason : status.state).toBe(expected)
    },
  )
})

describe("EventSource keeps the standard's rules", () => {
  const open = async (): Promise<{
    clock: VirtualClock
    server: MemoryServer
    source: EventSource
    seen: string[]
  }> => {
    const clock = createVirtualClock()
    const server = createMemoryServer()
    const source = new EventSource('http://test/', { transport: server.transport, runtime: runtimeOf(clock) })
    const seen: string[] = []
    for (const type of ['open', 'error', 'message'])
      source.addEventListener(type, () => seen.push(`${type} ${source.readyState}`))
    await clock.advance(0)
    return { clock, server, source, seen }
  }

  it('EventSource reconnects after the reconnection time, exactly: 3 s, or the retry of the server however long', async () => {
    const { clock, server, source } = await open()
    server.last.respond()
    server.last.write('data: a\n\n')
    server.last.end()
    await clock.advance(2999)
    expect(server.exchanges).toHaveLength(1)
    await clock.advance(1)
    expect(server.exchanges).toHaveLength(2)
    server.last.respond()
    server.last.write('retry: 600000\ndata: a\n\n')
    server.last.end()
    await clock.advance(599_999)
    expect(server.exchanges).toHaveLength(2)
    await clock.advance(1)
    expect(server.exchanges).toHaveLength(3)
    source.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('EventSource fails for good on any response that is not an event stream, 503 included', async () => {
    const { clock, server, source, seen } = await open()
    server.last.respond(503, { 'retry-after': '1' })
    server.last.end()
    await clock.advance(60_000)
    expect([seen, source.readyState, server.exchanges.length]).toEqual([['error 2'], 2, 1])
    expect(clock.pendingTimers).toBe(0)
  })

  it('EventSource reestablishes the connection: error with CONNECTING, then open', async () => {
    const { clock, server, source, seen } = await open()
    server.last.respond()
    server.last.end()
    await clock.advance(3000)
    server.last.respond()
    expect(seen).toEqual(['open 1', 'error 0', 'open 1'])
    source.close()
  })

  it('EventSource dispatches repeats and stream.* like any other event', async () => {
    const { clock, server, source } = await open()
    const seen: string[] = []
    for (const type of ['message', 'stream.end'])
      source.addEventListener(type, (event) => seen.push(`${type} ${event.lastEventId}`))
    server.last.respond()
    server.last.write('id: e-2\ndata: a\n\nid: e-2\ndata: a\n\nid: e-1\nevent: stream.end\ndata: {}\n\n')
    await clock.advance(0)
    expect(seen).toEqual(['message e-2', 'message e-2', 'stream.end e-1'])
    expect(source.readyState).toBe(1)
    source.close()
  })

  it('EventSource dispatches open, the events of a chunk, and error in tasks of their own, so that none is lost after an await', async () => {
    const { clock, server, source } = await open()
    const seen: string[] = []
    const opened = new Promise((resolve) => {
      source.addEventListener('open', resolve)
    })
    const listening = (async () => {
      await opened
      source.addEventListener('message', (event) => seen.push(event.data))
      source.addEventListener('error', () => seen.push(`error ${source.readyState}`))
    })()
    server.last.respond()
    server.last.write('data: a\n\ndata: b\n\n')
    server.last.end()
    await listening
    expect(seen).toEqual([])
    await clock.advance(0)
    expect(seen).toEqual(['a', 'b', 'error 0'])
    source.close()
  })

  it('EventSource dispatches no waiting event once it is closed', async () => {
    const { clock, server, source, seen } = await open()
    server.last.respond()
    server.last.write('data: a\n\n')
    source.close()
    await clock.advance(10_000)
    expect([seen, source.readyState, clock.pendingTimers]).toEqual([['open 1'], 2, 0])
  })

  it.each([
    [{ method: 'POST' }, 'end', 2],
    [{ method: 'POST' }, 'failure', 2],
    [{ method: 'POST', reconnect: 'always' }, 'end', 0],
    [{ method: 'QUERY' }, 'end', 0],
    [{ reconnect: 'on-error' }, 'end', 2],
    [{ reconnect: 'on-error' }, 'failure', 0],
    [{ reconnect: 'never' }, 'failure', 2],
  ] as const)(
    'EventSource with %j has, after the %s of a connection, readyState %d, and an error says why',
    async (options, what, readyState) => {
      const clock = createVirtualClock()
      const server = createMemoryServer()
      const source = new EventSource('http://test/', {
        ...options,
        transport: server.transport,
        runtime: runtimeOf(clock),
      })
      const codes: unknown[] = []
      source.addEventListener('error', ({ error }) => codes.push(error?.code))
      await clock.advance(0)
      server.last.respond()
      if (what === 'end') server.last.end()
      else server.last.fail(new Error('cut'))
      await clock.advance(0)
      expect([source.readyState, codes]).toEqual([readyState, [what === 'end' ? 'ended' : 'network']])
      await clock.advance(60_000)
      expect(server.exchanges.length > 1).toBe(readyState === 0)
      source.close()
    },
  )

  it('EventSource reports the answer 204 as an error event', async () => {
    const { clock, server, source } = await open()
    const errors: unknown[] = []
    source.addEventListener('error', ({ error }) => errors.push(error))
    server.last.respond(204)
    await clock.advance(0)
    expect(errors).toMatchObject([{ name: 'ConnectionError', code: 'no-content' }])
    expect(source.readyState).toBe(2)
  })
})

describe('the page is online again', () => {
  const goOnline = (): void => void online.dispatchEvent(new Event('online'))
  const online = new EventTarget()
  beforeEach(() => {
    vi.stubGlobal('addEventListener', online.addEventListener.bind(online))
    vi.stubGlobal('removeEventListener', online.removeEventListener.bind(online))
  })
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('online cuts short a wait that the client chose, but not one that the server asked for', async () => {
    const setting = await start()
    setting.server.last.fail(new Error('offline'))
    await setting.clock.advance(0)
    goOnline()
    await setting.clock.advance(0)
    expect(setting.server.exchanges).toHaveLength(2)
    setting.server.last.respond(503, { 'retry-after': '60' })
    setting.server.last.end()
    for (let n = 0; n < 5; n += 1) {
      await setting.clock.advance(300)
      goOnline()
    }
    expect(setting.server.exchanges).toHaveLength(2)
    await setting.clock.advance(70_000)
    expect(setting.server.exchanges).toHaveLength(3)
    await leaveNothing(setting)
  })

  it('an open stream has until its next heartbeat to show that it has survived', async () => {
    const setting = await start()
    setting.server.last.respond()
    setting.server.last.write(': sse-toolkit 1\n: heartbeat 5000\n\n')
    await setting.clock.advance(1000)
    goOnline()
    await setting.clock.advance(5000)
    setting.server.last.write(':\n\n')
    await setting.clock.advance(1500)
    expect(setting.client.status).toMatchObject({ state: 'open' })
    goOnline()
    await setting.clock.advance(6000)
    expect(setting.client.status).toMatchObject({ state: 'reconnecting', cause: { code: 'suspended' } })
    await leaveNothing(setting)
  })

  it('online does not end a POST that is silent: it could not be sent again', async () => {
    const setting = await start({ method: 'POST' })
    setting.server.last.respond()
    goOnline()
    await setting.clock.advance(600_000)
    expect(setting.client.status.state).toBe('open')
    await leaveNothing(setting)
  })

  it('online has no effect while connecting or after close()', async () => {
    const setting = await start()
    goOnline()
    await setting.clock.advance(0)
    expect([setting.client.status.state, setting.server.exchanges.length]).toEqual(['connecting', 1])
    setting.client.close()
    goOnline()
    await setting.clock.advance(60_000)
    expect(setting.server.exchanges).toHaveLength(1)
    await leaveNothing(setting)
  })
})

describe('whenHidden: pause', () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  const show = (visibilityState: 'visible' | 'hidden'): void => {
    page.visibilityState = visibilityState
    page.dispatchEvent(new Event('visibilitychange'))
  }
  beforeEach(() => {
    page.visibilityState = 'visible'
    vi.stubGlobal('document', page)
  })
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('a page disconnects a GET when it is hidden, and resumes it when it is shown', async () => {
    const setting = await start({ whenHidden: 'pause' })
    setting.server.last.respond()
    show('hidden')
    expect([setting.client.status.state, setting.server.openCount]).toEqual(['paused', 0])
    show('visible')
    await setting.clock.advance(0)
    expect(setting.server.exchanges).toHaveLength(2)
    await leaveNothing(setting)
  })

  it('a page that hides and shows does not end the wait that the server asked for, and does not connect while it is hidden', async () => {
    const setting = await start({ whenHidden: 'pause' })
    const { server, clock } = setting
    server.last.respond(503, { 'retry-after': '60' })
    server.last.end()
    for (let n = 0; n < 5; n += 1) {
      await clock.advance(1000)
      show('hidden')
      await clock.advance(1000)
      show('visible')
    }
    await clock.advance(49_000)
    expect(server.exchanges).toHaveLength(1)
    show('hidden')
    await clock.advance(10_000)
    expect(server.exchanges).toHaveLength(1)
    show('visible')
    await clock.advance(0)
    expect(server.exchanges).toHaveLength(2)
    await leaveNothing(setting)
  })

  it('a page that is shown during the wait connects when the wait is over, if it is not closed before', async () => {
    const setting = await start({ whenHidden: 'pause' })
    const { server, clock } = setting
    server.last.respond(429, { 'retry-after': '60' })
    server.last.end()
    await clock.advance(1000)
    show('hidden')
    show('visible')
    await clock.advance(59_500)
    expect(server.exchanges).toHaveLength(2)
    server.last.respond(429, { 'retry-after': '60' })
    server.last.end()
    await clock.advance(1000)
    show('hidden')
    show('visible')
    await leaveNothing(setting)
    expect(server.exchanges).toHaveLength(2)
  })

  it('a hidden page does not cut a POST, and does not send it again: neither while it runs nor once it is complete', async () => {
    const setting = await start({ whenHidden: 'pause', method: 'POST' })
    setting.server.last.respond()
    show('hidden')
    expect([setting.client.status.state, setting.server.openCount]).toEqual(['open', 1])
    show('visible')
    setting.server.last.end()
    await setting.clock.advance(0)
    show('hidden')
    show('visible')
    await setting.clock.advance(60_000)
    expect(setting.client.status).toMatchObject({ state: 'closed', reason: 'completed' })
    expect(setting.server.exchanges).toHaveLength(1)
    await leaveNothing(setting)
  })

  it('a POST of a page that begins hidden is sent once, when the page is shown', async () => {
    page.visibilityState = 'hidden'
    const setting = await start({ whenHidden: 'pause', method: 'POST' })
    expect([setting.client.status.state, setting.server.exchanges.length]).toEqual(['paused', 0])
    show('visible')
    await setting.clock.advance(0)
    expect(setting.server.exchanges).toHaveLength(1)
    await leaveNothing(setting)
  })
})
