import { runInNewContext } from 'node:vm'
import { Response as UndiciResponse } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { Authorization, Hub, HubConnection, HubOptions } from '@sse-toolkit/sse-server'
import { coversPattern, parseTopicPattern } from '../src/topics/topic-pattern.ts'
import { createTestHub, delegateTo, publishAll, subscribe } from './hub-readers.ts'
import { attach } from './recording-sink.ts'
import { beganAt, turn } from './virtual-runtime.ts'

function request(headers: Record<string, string> = {}): Request {
  return new Request('http://localhost/', { headers })
}

describe('a pattern covers another', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a.*', true],
    ['a.*', 'a.>', false],
    ['a.*', 'a.b.c', false],
    ['a.*', 'a', false],
    ['a.>', 'a.*', true],
    ['a.>', 'a.b.>', true],
    ['a.>', 'a', false],
    ['a.>', '>', false],
    ['>', '*.b', true],
    ['>', '>', true],
    ['*', '>', false],
    ['a.b', 'a.*', false],
    ['*.b', '*.b', true],
    ['*.b', 'a.>', false],
  ])('%s covers %s: %s', (outer, inner, covers) => {
    expect(coversPattern(parseTopicPattern(outer, 20), parseTopicPattern(inner, 20))).toBe(covers)
  })
})

describe('authorize', () => {
  it('is called with the request, and may return a Response', async () => {
    const authorize = vi.fn<NonNullable<HubOptions['authorize']>>(async (each) =>
      each.headers.get('authorization') === 'ada' ? { identity: 'ada' } : new Response('no', { status: 401 }),
    )
    const { hub } = createTestHub({ authorize })
    const refused = await hub.subscribe(request(), { topics: ['a'] })
    expect([refused.status, await refused.text()]).toEqual([401, 'no'])
    attach(await hub.subscribe(request({ authorization: 'ada' }), { topics: ['a'] }))
    expect(hub.connections()).toMatchObject([{ identity: 'ada' }])
  })

  it.each([
    [{ topics: ['orders.42'] }, 200],
    [{ topics: ['orders.42', 'news.sport'] }, 200],
    [{ topics: ['orders.43'] }, 403],
    [{ topics: ['orders.42', 'orders.43'] }, 403],
    [{ patterns: ['orders.*'] }, 403],
    [{ patterns: ['>'] }, 403],
    [{ topics: ['orders.42'], patterns: ['news.>'] }, 403],
    [{ topics: ['orders.42'], patterns: ['news.*'] }, 200],
  ])('allows orders.42 and news.*: asking for %j is answered %i', async (asked, status) => {
    const { hub } = createTestHub({ authorize: () => ({ topics: ['orders.42', 'news.*'] }) })
    const response = await hub.subscribe(request(), asked)
    expect(response.status).toBe(status)
    expect(hub.stats().refused[403]).toBe(status === 403 ? 1 : 0)
  })

  it('an id from another topic reveals nothing of that topic: replay keeps to the requested topics', async () => {
    const { hub } = createTestHub({ authorize: () => ({ topics: ['mine'] }) })
    const [secret] = await publishAll(hub, 'secret', 'first secret', 'second secret')
    await publishAll(hub, 'mine', 'm1')
    const reader = await subscribe(hub, { topics: ['mine'], lastEventId: secret })
    await turn()
    expect(reader.data).toEqual(['m1'])
    expect(reader.sink.text).not.toContain('second secret')
  })

  it.each<[string, unknown]>([
    ["undici's", new UndiciResponse('no', { status: 401, headers: { 'www-authenticate': 'Bearer' } })],
    ["the platform's", new Response('no', { status: 401, headers: { 'www-authenticate': 'Bearer' } })],
  ])('answers with a Response whose class is %s', async (_name, answer) => {
    const { hub } = createTestHub({ authorize: () => answer as Response })
    const response = await hub.subscribe(request(), { topics: ['a'] })
    expect(response).toBeInstanceOf(Response)
    expect([response.status, response.headers.get('www-authenticate'), await response.text()]).toEqual([
      401,
      'Bearer',
      'no',
    ])
    expect(hub.stats().connections).toBe(0)
  })

  it.each<[string, () => Authorization]>([
    ['an object with an identity only', () => ({ identity: 'ada' })],
    ['an empty object', () => ({})],
    ['an object of another realm', () => runInNewContext("({ identity: 'ada', topics: ['a'] })")],
    ['an object without a prototype', () => Object.assign(Object.create(null), { topics: ['a'] })],
    ['a Date of another realm', () => ({ expiresAt: runInNewContext(`new Date(${beganAt + 1000})`) })],
  ])('takes %s for a grant', async (_name, authorize) => {
    const { hub } = createTestHub({ authorize })
    expect((await hub.subscribe(request(), { topics: ['a'] })).status).toBe(200)
  })

  it.each<[string, () => unknown]>([
    ['throws', () => Promise.reject(new Error('directory is down'))],
    ['forgets to answer', () => undefined],
    ['answers null', () => null],
    ['answers false', () => false],
    ['answers true', () => true],
    ['answers a string', () => 'ada'],
    ['answers a list', () => ['a']],
    ['answers a list of topics as the grant', () => Object.assign([], { topics: ['a'] })],
    ['misspells topics', () => ({ topic: ['x'] })],
    ['adds a key that means nothing', () => ({ identity: 'ada', role: 'guest' })],
    ['adds a symbol', () => ({ [Symbol('topics')]: ['x'] })],
    [
      'answers an object of a class',
      () =>
        new (class Session {
          identity = 'ada'
        })(),
    ],
    ['answers a Map', () => new Map([['topics', ['x']]])],
    ['answers a status without a response', () => ({ status: 401 })],
    ['answers a network error', () => Response.error()],
    ['gives topics that are a string', () => ({ topics: 'a' })],
    ['gives topics that are null', () => ({ topics: null })],
    ['gives a topic that there cannot be', () => ({ topics: ['a', 'b c'] })],
    ['gives an expiry that is not a date', () => ({ expiresAt: new Date('no date') })],
    ['gives an expiry that is not a number', () => ({ expiresAt: Number.NaN })],
    ['gives an expiry of null', () => ({ expiresAt: null })],
    ['gives an identity that is not a string', () => ({ identity: 7 })],
  ])('lets nobody in if it %s: the client gets 500, and onError the reason', async (_name, authorize) => {
    const errors: unknown[] = []
    const { hub } = createTestHub({
      authorize: authorize as NonNullable<HubOptions['authorize']>,
      onError: (error) => errors.push(error),
    })
    const response = await hub.subscribe(request(), { topics: ['a'] })
    expect([response.status, await response.text()]).toEqual([500, ''])
    expect(hub.stats()).toMatchObject({ connections: 0, refused: { 500: 1 } })
    expect(errors).toHaveLength(1)
  })
})

describe('filter', () => {
  it.each<[string, unknown]>([
    ['1', 1],
    ["'yes'", 'yes'],
    ['an object', {}],
    ['a list', ['match']],
    ['undefined', undefined],
    ['null', null],
  ])('holds back an event for which it returns %s, reports that once, and goes on', async (_name, answer) => {
    const errors: unknown[] = []
    const { hub } = createTestHub({ onError: (error) => errors.push(error) })
    const filter = ({ data }: { data: string }): boolean => (data === 'wanted' ? true : (answer as boolean))
    const readers = [await subscribe(hub, { filter }), await subscribe(hub, { filter })]
    await publishAll(hub, 'a', 'x', 'y', 'wanted')
    await turn()
    expect(readers.map(({ data }) => data)).toEqual([['wanted'], ['wanted']])
    expect(errors).toMatchObject([{ code: 'invalid-option', option: 'filter' }])
  })

  it.each<[string, () => unknown]>([
    ['a promise', () => Promise.resolve(true)],
    ['a promise that rejects', () => Promise.reject(new Error('late'))],
    ['a promise of another realm', () => runInNewContext('Promise.resolve(true)')],
    // oxlint-disable-next-line unicorn/no-thenable -- that is the case
    ['a thenable', () => ({ then: () => undefined })],
  ])('that returns %s ends its stream at the first event, in replay and live', async (_name, answer) => {
    const errors: unknown[] = []
    const { hub } = createTestHub({ onError: (error) => errors.push(error) })
    await publishAll(hub, 'a', 'old')
    const filter = answer as () => boolean
    const replaying = await subscribe(hub, { filter, lastEventId: 'earliest' })
    const live = await subscribe(hub, { filter })
    const other = await subscribe(hub)
    await publishAll(hub, 'a', 'x', 'y')
    await turn()
    expect([replaying.data, live.data, other.data]).toEqual([[], [], ['x', 'y']])
    expect(hub.stats()).toMatchObject({ connections: 1, closed: { error: 2 } })
    expect(errors).toEqual(
      expect.arrayContaining([expect.objectContaining({ code: 'invalid-option', option: 'filter' })]),
    )
  })
})

describe('an authorization that ends', () => {
  it('closes the stream then, and no event goes out after it', async () => {
    const { hub, runtime } = createTestHub({ authorize: () => ({ expiresAt: beganAt + 10_000 }) })
    const reader = await subscribe(hub)
    await runtime.clock.advance(9999)
    await publishAll(hub, 'a', 'in time')
    await turn()
    expect(reader.sink.ended).toBeUndefined()
    await runtime.clock.advance(1)
    await turn()
    await publishAll(hub, 'a', 'too late')
    await turn()
    expect([reader.sink.ended, reader.data]).toEqual(['close', ['in time']])
    expect(hub.stats().closed.expired).toBe(1)
  })

  it('takes effect at the next event when the wall clock has jumped', async () => {
    const { hub, runtime } = createTestHub({
      authorize: () => ({ expiresAt: new Date(beganAt + 10_000) }),
    })
    const reader = await subscribe(hub)
    const wallClock = runtime.wallClock()
    vi.spyOn(runtime, 'wallClock').mockReturnValue(wallClock + 20_000)
    await publishAll(hub, 'a', 'too late')
    await turn()
    expect([reader.sink.ended, reader.data]).toEqual(['close', []])
  })

  it('that has already ended is answered 403', async () => {
    const { hub } = createTestHub({ authorize: () => ({ expiresAt: beganAt }) })
    expect((await hub.subscribe(request(), { topics: ['a'] })).status).toBe(403)
  })

  it('may be further away than the longest timer', async () => {
    const { hub, runtime } = createTestHub({
      authorize: () => ({ expiresAt: beganAt + 100 * 86_400_000 }),
      // A summary every five seconds, over 100 days, is not what is tested.
      presenceIntervalMs: 0,
    })
    const reader = await subscribe(hub)
    await runtime.clock.advance(99 * 86_400_000)
    expect(reader.sink.ended).toBeUndefined()
    await runtime.clock.advance(86_400_000)
    await turn()
    expect(reader.sink.ended).toBe('close')
  })

  it('leaves no timer when the client has gone before', async () => {
    const { hub, runtime } = createTestHub({
      authorize: () => ({ expiresAt: beganAt + 10_000 }),
      presenceIntervalMs: 0,
    })
    const reader = await subscribe(hub)
    expect(runtime.clock.pendingTimers).toBe(1)
    reader.sink.leave()
    expect(runtime.clock.pendingTimers).toBe(0)
  })
})

describe('limits', () => {
  it('of one identity are answered 429 with Retry-After, and count the open connections', async () => {
    const { hub } = createTestHub({ maxConnectionsPerIdentity: 2 })
    const readers = [await subscribe(hub, { identity: 'ada' }), await subscribe(hub, { identity: 'ada' })]
    await subscribe(hub, { identity: 'bob' })
    await subscribe(hub)
    const refused = await hub.subscribe(request(), { topics: ['a'], identity: 'ada' })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toMatch(/^[123]$/)
    readers[0]?.sink.leave()
    await subscribe(hub, { identity: 'ada' })
    expect(hub.stats().refused).toMatchObject({ 429: 1, 503: 0 })
  })

  it('also apply to clients that subscribe at the same time', async () => {
    const { hub } = createTestHub({ maxConnections: 5, maxConnectionsPerIdentity: 2 })
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        hub.subscribe(request(), { topics: ['a'], identity: `id${n % 4}` }),
      ),
    )
    const sinks = responses.map((response) => attach(response))
    await turn()
    expect(hub.stats().connections).toBe(5)
    expect(
      Math.max(...[0, 1, 2, 3].map((n) => hub.connections({ identity: `id${n}` }).length)),
    ).toBeLessThanOrEqual(2)
    // The disconnected clients got a reconnection time each.
    expect(sinks.filter(({ ended, text }) => ended === 'close' && /retry: \d+\n\n$/.test(text))).toHaveLength(
      15,
    )
  })

  it.each<[keyof HubOptions, unknown]>([
    ['maxConnections', 0],
    ['maxConnectionsPerIdentity', -1],
    ['maxTopicsPerConnection', 1.5],
    ['maxTopicLength', 0],
    ['maxEventBytes', 0],
    ['maxConnectionAgeMs', -1],
    ['authorize', 'everybody'],
    ['log', null],
    ['log', () => memoryLog()],
    ['onJoin', {}],
    ['validate', 'on-send'],
    ['heartbeatIntervalMs', -1],
  ])('that have no meaning are refused at the call: %s: %o', (option, value) => {
    expect(() => createTestHub({ [option]: value })).toThrow(
      expect.objectContaining({ code: 'invalid-option', option }),
    )
  })
})

describe('disconnect', () => {
  it('may forbid reconnecting: the client gets 204 until the time is over', async () => {
    const { hub, runtime } = createTestHub()
    const reader = await subscribe(hub, { identity: 'ada' })
    const anonymous = await subscribe(hub)
    expect(
      hub.disconnect(({ identity }) => identity === 'ada', { reconnect: 'forbid', forbidMs: 10_000 }),
    ).toBe(1)
    await turn()
    expect([reader.sink.ended, anonymous.sink.ended]).toEqual(['close', undefined])
    const statusOf = async (identity: string): Promise<number> =>
      (await hub.subscribe(request(), { topics: ['a'], identity })).status
    expect([await statusOf('ada'), await statusOf('bob')]).toEqual([204, 200])
    await runtime.clock.advance(10_000)
    expect(await statusOf('ada')).toBe(200)
  })

  it('admits an identity again after allow', async () => {
    const { hub } = createTestHub()
    await subscribe(hub, { identity: 'ada' })
    hub.disconnect(() => true, { reconnect: 'forbid' })
    await hub.allow('ada')
    await turn()
    expect((await hub.subscribe(request(), { topics: ['a'], identity: 'ada' })).status).toBe(200)
  })
})

describe('forbid', () => {
  const statusOf = async (hub: Hub, identity: string): Promise<number> =>
    (await hub.subscribe(request(), { topics: ['a'], identity })).status

  it('ends the connections of an identity, and refuses it until the time is over', async () => {
    const { hub, runtime } = createTestHub()
    const readers = [await subscribe(hub, { identity: 'ada' }), await subscribe(hub, { identity: 'ada' })]
    const other = await subscribe(hub, { identity: 'bob' })
    expect(await hub.forbid('ada', { forbidMs: 10_000 })).toBe(2)
    await turn()
    expect([...readers, other].map(({ sink }) => sink.ended)).toEqual(['close', 'close', undefined])
    expect([await statusOf(hub, 'ada'), await statusOf(hub, 'bob')]).toEqual([204, 200])
    await runtime.clock.advance(10_000)
    expect(await statusOf(hub, 'ada')).toBe(200)
  })

  it('refuses an identity that is between two connections, for ten minutes by default', async () => {
    const { hub, runtime } = createTestHub()
    expect(await hub.forbid('ada')).toBe(0)
    await runtime.clock.advance(599_999)
    expect(await statusOf(hub, 'ada')).toBe(204)
    await hub.allow('ada')
    await turn()
    expect(await statusOf(hub, 'ada')).toBe(200)
  })

  it.each([undefined, 7])('is refused for an invalid identity: %s', async (identity) => {
    const { hub } = createTestHub()
    await expect(hub.forbid(identity as unknown as string)).rejects.toEqual(
      expect.objectContaining({ code: 'invalid-option', option: 'identity' }),
    )
  })
})

describe('presence', () => {
  it('is reported by onJoin and onLeave, and listed by topic and identity', async () => {
    const log: string[] = []
    const { hub } = createTestHub({
      onJoin: ({ identity, topics }) => log.push(`${identity} joined ${topics.join()}`),
      onLeave: ({ identity }, reason) => log.push(`${identity} left: ${reason}`),
    })
    const ada = await subscribe(hub, { identity: 'ada', topics: ['rooms.1'] })
    await subscribe(hub, { identity: 'bob', patterns: ['rooms.*'] })
    const names = (connections: readonly HubConnection[]) => connections.map(({ identity }) => identity)
    expect(names(hub.connections({ topic: 'rooms.1' }))).toEqual(['ada', 'bob'])
    expect(names(hub.connections({ topic: 'rooms.2' }))).toEqual(['bob'])
    expect(names(hub.connections({ identity: 'ada' }))).toEqual(['ada'])
    ada.sink.leave()
    expect(log).toEqual(['ada joined rooms.1', 'bob joined rooms.*', 'ada left: client'])
    expect(hub.stats()).toMatchObject({ connections: 1, topics: 1 })
  })

  it("shows the log's own figures in inspect(), and omits them if the log has none", () => {
    const errors: unknown[] = []
    const failure = new Error('the file is damaged')
    const silent = createHub({ log: memoryLog() })
    const saying = createHub({ log: Object.assign(memoryLog(), { stats: () => ({ walBytes: 7 }) }) })
    const failing = createHub({
      log: Object.assign(memoryLog(), {
        stats: () => {
          throw failure
        },
      }),
      onError: (error) => errors.push(error),
    })
    expect([silent, saying, failing].map((hub) => hub.inspect().log)).toEqual([null, { walBytes: 7 }, null])
    expect(errors).toEqual([failure])
  })

  it('is complete in inspect(), as JSON', async () => {
    const { hub } = createTestHub()
    await subscribe(hub, { identity: 'ada', topics: ['rooms.1'], patterns: ['rooms.*'] })
    await subscribe(hub, { topics: ['rooms.1'] })
    const [id] = await publishAll(hub, 'rooms.1', 'x')
    await hub.run('answer', { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) })
    const inspection = JSON.parse(JSON.stringify(hub.inspect())) as unknown
    expect(inspection).toMatchObject({
      head: id,
      status: 'open',
      topics: { 'rooms.1': 2, 'rooms.*': 1 },
      running: ['answer'],
      stats: { connections: 2, topics: 2, running: 1, published: 1, delivered: 2 },
      connections: [
        { identity: 'ada', topics: ['rooms.1', 'rooms.*'], position: id },
        { topics: ['rooms.1'] },
      ],
    })
    await hub.close()
    expect(hub.inspect()).toMatchObject({ status: 'closed', topics: {}, running: [], connections: [] })
  })

  it('survives callbacks that throw, and reports them to onError', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const throwing = (): never => {
      throw new Error('callback')
    }
    const { hub } = createTestHub({ onJoin: throwing, onLeave: throwing, onError })
    const reader = await subscribe(hub)
    await publishAll(hub, 'a', '1')
    await turn()
    expect(reader.data).toEqual(['1'])
    reader.sink.leave()
    expect(onError).toHaveBeenCalledTimes(2)
    expect(hub.stats().connections).toBe(0)
  })
})

describe('a reader that is forbidden', () => {
  it.each<[string, (hub: Hub) => unknown]>([
    ['forbid', (hub) => hub.forbid('mallory')],
    ['disconnect', (hub) => hub.disconnect(() => true, { reconnect: 'forbid' })],
  ])('by %s gets nothing of what still waits for it', async (_name, forbid) => {
    const { hub } = createTestHub()
    const reader = await subscribe(hub, { identity: 'mallory' })
    await turn()
    reader.sink.reading = false
    await publishAll(hub, 'a', 'taken by the output')
    await turn()
    await publishAll(hub, 'a', 'waits', 'waits too')
    await turn()
    forbid(hub)
    reader.sink.resume()
    await turn()
    expect([reader.data, reader.sink.ended]).toEqual([['taken by the output'], 'close'])
    await hub.close()
  })

  it('gets the events sent before if it may reconnect', async () => {
    const { hub } = createTestHub()
    const reader = await subscribe(hub, { identity: 'ada' })
    await turn()
    reader.sink.reading = false
    await publishAll(hub, 'a', 'taken by the output')
    await turn()
    await publishAll(hub, 'a', 'waits')
    await turn()
    hub.disconnect(() => true)
    reader.sink.resume()
    await turn()
    expect(reader.data).toEqual(['taken by the output', 'waits'])
  })

  it.each([
    ['still holds', 600_000, 204],
    ['is over by then', 50, 204],
    ['only ends connections', 0, 200],
  ])('while its subscription waits for the log, by a ban that %s', async (_, forbidMs, status) => {
    const log = memoryLog()
    const asked = Promise.withResolvers<void>()
    const answered = Promise.withResolvers<void>()
    const slow = {
      ...delegateTo(log),
      async head() {
        asked.resolve()
        await answered.promise
        return log.head()
      },
    }
    const { hub, runtime } = createTestHub({ log: slow })
    const response = hub.subscribe(request(), { topics: ['a'], identity: 'mallory' })
    await asked.promise
    void hub.forbid('mallory', { forbidMs })
    await runtime.clock.advance(100)
    answered.resolve()
    expect((await response).status).toBe(status)
    // The ban does not affect a request that is authorized after it.
    if (forbidMs === 50) await subscribe(hub, { identity: 'mallory' })
  })

  it('between the answer and the first read of its body, by a ban that is over by then', async () => {
    const { hub, runtime } = createTestHub()
    const response = await hub.subscribe(request(), { topics: ['a'], identity: 'mallory' })
    await hub.forbid('mallory', { forbidMs: 50 })
    await runtime.clock.advance(100)
    await publishAll(hub, 'a', 'not for mallory')
    expect(await response.text()).not.toContain('not for mallory')
    expect(hub.stats().connections).toBe(0)
  })
})

it('inspect counts topics by any name', async () => {
  const { hub } = createTestHub()
  for (const topic of ['constructor', '__proto__', 'toString']) {
    await subscribe(hub, { topics: [topic] })
    await subscribe(hub, { topics: [topic] })
  }
  const { topics } = hub.inspect()
  expect(Object.entries(topics)).toEqual([
    ['constructor', 2],
    ['__proto__', 2],
    ['toString', 2],
  ])
})
