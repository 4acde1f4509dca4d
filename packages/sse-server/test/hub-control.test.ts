import { describe, expect, it, vi } from 'vitest'
import { createHub } from '@sse-toolkit/sse-server'
import type { ConnectionFilter, EventLog, Hub, HubOptions, LogTailListener } from '@sse-toolkit/sse-server'
import { createTestHub, delegateTo, publishAll, subscribe } from './hub-readers.ts'
import { createTestLog, elapse } from './test-logs.ts'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

const request = (): Request => new Request('http://localhost/')

/** Two hubs on one log, as two processes have them. */
function twoHubs(options: HubOptions = {}): {
  readonly one: Hub
  readonly two: Hub
  readonly log: EventLog
  readonly runtime: ReturnType<typeof createVirtualRuntime>
  readonly another: (more?: HubOptions) => Hub
} {
  const runtime = createVirtualRuntime()
  const log = createTestLog({ runtime })
  const another = (more: HubOptions = {}): Hub =>
    createHub({ runtime, heartbeatIntervalMs: 0, log, ...options, ...more })
  return { one: another({ node: 'one' }), two: another({ node: 'two' }), log, runtime, another }
}

const statusOf = async (hub: Hub, identity: string): Promise<number> =>
  (await hub.subscribe(request(), { topics: ['a'], identity })).status

/** The notices of orders wait until the test hands them on. */
function withholdOrders(log: EventLog): { readonly log: EventLog; readonly echoes: (() => void)[] } {
  const echoes: (() => void)[] = []
  const tail: EventLog['tail'] = (listener) =>
    log.tail({
      ...listener,
      appended: (entry) => listener.appended(entry),
      cancelled: (topic) => listener.cancelled(topic),
      restarted: (head) => listener.restarted(head),
      skipped: (position) => listener.skipped(position),
      abandoned: (topic) => listener.abandoned(topic),
      controlled: (entry) => void echoes.push(() => listener.controlled?.(entry)),
    })
  return { log: { ...delegateTo(log), tail }, echoes }
}

describe('forbid', () => {
  it('ends the connections of an identity in every process, and every process refuses it', async () => {
    const { one, two, runtime } = twoHubs()
    const here = await subscribe(one, { identity: 'mallory' })
    const there = await subscribe(two, { identity: 'mallory' })
    const other = await subscribe(two, { identity: 'ada' })
    expect(await one.forbid('mallory', { forbidMs: 10_000 })).toBe(1)
    await turn()
    expect([here, there, other].map(({ sink }) => sink.ended)).toEqual(['close', 'close', undefined])
    for (const hub of [one, two])
      expect([await statusOf(hub, 'mallory'), await statusOf(hub, 'ada')]).toEqual([204, 200])
    await elapse(runtime.clock, 10_000)
    for (const hub of [one, two]) expect(await statusOf(hub, 'mallory')).toBe(200)
  })

  it('holds in a process that starts later, for the time that is left', async () => {
    const log = createTestLog()
    const runtime = createVirtualRuntime()
    const first = createHub({ runtime, heartbeatIntervalMs: 0, log: delegateTo(log) })
    await first.forbid('mallory')
    await first.close()
    const later = createHub({ runtime, heartbeatIntervalMs: 0, log })
    expect(await statusOf(later, 'mallory')).toBe(204)
  })

  it('is lifted by allow, in every process and in later ones', async () => {
    const { one, two, another } = twoHubs()
    await one.forbid('mallory')
    await two.allow('mallory')
    await turn()
    expect([await statusOf(one, 'mallory'), await statusOf(two, 'mallory')]).toEqual([200, 200])
    expect(await statusOf(another(), 'mallory')).toBe(200)
  })

  it('is lifted by allow at once, even if a notice of the ban is still on its way', async () => {
    const { log, echoes } = withholdOrders(createTestLog())
    const { hub } = createTestHub({ log })
    await hub.forbid('mallory')
    await hub.allow('mallory')
    await turn()
    expect(echoes).toHaveLength(2)
    for (const echo of echoes) {
      echo()
      expect(await statusOf(hub, 'mallory')).toBe(200)
    }
    await hub.forbid('mallory')
    expect(await statusOf(hub, 'mallory')).toBe(204)
  })

  it('holds when another process wrote it after an order of this process, and the notice was lost', async () => {
    const { log, echoes } = withholdOrders(createTestLog())
    const { hub } = createTestHub({ log })
    await hub.allow('mallory')
    await log.control('forbid "mallory"', '60000', { ttlMs: 60_000 })
    await turn()
    // The first is lost.
    echoes[1]?.()
    await turn()
    expect(await statusOf(hub, 'mallory')).toBe(204)
  })

  it('does not hold when this process lifted it afterwards, however late the notice arrives', async () => {
    const { log, echoes } = withholdOrders(createTestLog())
    const { hub } = createTestHub({ log })
    await log.control('forbid "mallory"', '60000', { ttlMs: 60_000 })
    await hub.allow('mallory')
    await turn()
    echoes[0]?.()
    await turn()
    expect(await statusOf(hub, 'mallory')).toBe(200)
  })

  it('holds if the log cannot say which order came last', async () => {
    const { log, echoes } = withholdOrders(createTestLog())
    const onError = vi.fn<(error: unknown) => void>()
    let isReached = true
    const controls: EventLog['controls'] = async (prefix) => {
      if (!isReached) throw new Error('The log cannot be reached')
      return log.controls(prefix)
    }
    const { hub } = createTestHub({ log: { ...log, controls }, onError })
    await statusOf(hub, 'mallory')
    await log.control('forbid "mallory"', '60000', { ttlMs: 60_000 })
    await hub.allow('mallory')
    await turn()
    isReached = false
    echoes[0]?.()
    await turn()
    expect(await statusOf(hub, 'mallory')).toBe(204)
    expect(onError).toHaveBeenCalledWith(new Error('The log cannot be reached'))
  })

  it.each(['', 'é', '\ud800', '"', 'a b', '__proto__'])(
    'tells identities apart that differ, such as %j',
    async (identity) => {
      const { one, two } = twoHubs()
      await one.forbid(identity)
      await turn()
      expect([await statusOf(two, identity), await statusOf(two, `${identity}x`)]).toEqual([204, 200])
      expect(await statusOf(two, '\ufffd')).toBe(200)
    },
  )

  it('holds in this process at once, and rejects, if it cannot be written to the log', async () => {
    const log = createTestLog()
    const control = vi.fn<EventLog['control']>(() => Promise.reject(new Error('no log')))
    const { hub } = createTestHub({ log: { ...delegateTo(log), control } })
    const reader = await subscribe(hub, { identity: 'mallory' })
    await expect(hub.forbid('mallory')).rejects.toThrow('no log')
    await turn()
    expect([reader.sink.ended, await statusOf(hub, 'mallory')]).toEqual(['close', 204])
  })

  it('admits no client before the hub has read the bans', async () => {
    const log = createTestLog()
    const onError = vi.fn<(error: unknown) => void>()
    let isDown = true
    const controls: EventLog['controls'] = (prefix) =>
      isDown ? Promise.reject(new Error('no log')) : log.controls(prefix)
    const { hub } = createTestHub({ log: { ...delegateTo(log), controls }, onError })
    expect(await statusOf(hub, 'ada')).toBe(503)
    expect(onError).toHaveBeenCalledWith(new Error('no log'))
    isDown = false
    expect(await statusOf(hub, 'ada')).toBe(200)
  })
})

describe('a control entry that is not a command', () => {
  it.each([
    ['forbid mallory', '1000'],
    ['forbid 7', '1000'],
    ['disconnect x', 'everybody'],
    ['disconnect x', 'null'],
    ['disconnect x', '{"identitiy":"ada"}'],
    ['presence x', '{'],
    ['presence x', '{"node":"x","connections":[["ada",["a b"],1]]}'],
  ])('is reported and has no other effect: %s %s', async (name, value) => {
    const onError = vi.fn<(error: unknown) => void>()
    const { one, log } = twoHubs({ onError })
    const reader = await subscribe(one, { identity: 'ada' })
    await log.control(name, value, { ttlMs: 60_000 })
    await turn()
    expect(await one.connections({ everywhere: true })).toHaveLength(1)
    expect(onError).toHaveBeenCalled()
    await publishAll(one, 'a', '1')
    await turn()
    expect([reader.data, reader.sink.ended]).toEqual([['1'], undefined])
  })
})

it('two processes with the same name are listed separately', async () => {
  const { one, runtime, another } = twoHubs()
  const double = another({ node: 'one' })
  await subscribe(one, { identity: 'ada' })
  await subscribe(double, { identity: 'bob' })
  await elapse(runtime.clock, 5000)
  const present = await one.connections({ everywhere: true })
  expect(present.map(({ identity, node }) => `${identity} ${node}`).toSorted()).toEqual([
    'ada one',
    'bob one',
  ])
})

describe('disconnect by data', () => {
  it('does not end its own clients twice when its notice comes back', async () => {
    const log = createTestLog()
    const echoes: (() => void)[] = []
    const tail: EventLog['tail'] = (listener) =>
      log.tail({ ...listener, controlled: (entry) => void echoes.push(() => listener.controlled?.(entry)) })
    const { hub } = createTestHub({ log: { ...delegateTo(log), tail } })
    const reader = await subscribe(hub)
    expect(await hub.disconnect({})).toBe(1)
    const again = await subscribe(hub)
    await turn()
    for (const echo of echoes) echo()
    await turn()
    expect([reader.sink.ended, again.sink.ended, echoes.length]).toEqual(['close', undefined, 1])
  })

  it.each([
    ['identity', { identity: 'ada' }, [1, 'close', 'close', undefined]],
    ['topic', { topic: 'news.1' }, [1, undefined, 'close', 'close']],
    ['nothing, which means all,', {}, [2, 'close', 'close', 'close']],
  ] as const)('ends the connections selected by %s in every process', async (_name, filter, expected) => {
    const { one, two } = twoHubs()
    const first = await subscribe(one, { identity: 'ada', topics: ['a'] })
    const second = await subscribe(two, { identity: 'ada', topics: ['news.1'] })
    const third = await subscribe(one, { identity: 'bob', patterns: ['news.*'] })
    const count = await one.disconnect(filter)
    await turn()
    expect([count, first.sink.ended, second.sink.ended, third.sink.ended]).toEqual(expected)
    expect(await statusOf(two, 'ada')).toBe(200)
  })

  it('with reconnect: forbid keeps those clients out of every process', async () => {
    const { one, two } = twoHubs()
    await subscribe(two, { identity: 'ada', topics: ['a'] })
    await one.disconnect({ topic: 'a' }, { reconnect: 'forbid' })
    await turn()
    expect([await statusOf(one, 'ada'), await statusOf(two, 'ada')]).toEqual([204, 204])
  })

  it('spares connections that opened since, in a process that gets the notice late', async () => {
    const runtime = createVirtualRuntime()
    const log = createTestLog({ runtime })
    const listeners: LogTailListener[] = []
    const tail: EventLog['tail'] = (listener) => {
      listeners.push(listener)
      return log.tail(listener)
    }
    const hub = createHub({ runtime, heartbeatIntervalMs: 0, log: { ...delegateTo(log), tail } })
    const reader = await subscribe(hub)
    await elapse(runtime.clock, 1000)
    const later = await subscribe(hub)
    await elapse(runtime.clock, 300)
    listeners[0]?.controlled?.({ name: 'disconnect 1', value: '{"forbidMs":null}', ageMs: 500 })
    await turn()
    expect([reader.sink.ended, later.sink.ended]).toEqual(['close', undefined])
  })

  it.each([
    ['a misspelt name', { identitiy: 'ada' }],
    ['an identity that is no string', { identity: 7 }],
    ['a topic that is no string', { topic: ['a'] }],
  ])('refuses %s, and ends nothing', async (_name, filter) => {
    const { one } = twoHubs()
    const reader = await subscribe(one)
    await expect(one.disconnect(filter as ConnectionFilter)).rejects.toMatchObject({
      code: 'invalid-option',
    })
    await publishAll(one, 'a', '1')
    await turn()
    expect([reader.sink.ended, reader.data]).toEqual([undefined, ['1']])
  })
})

describe('presence', () => {
  it('lists the connections of every process, with their process and start', async () => {
    const { one, two, runtime } = twoHubs()
    await subscribe(one, { identity: 'ada', topics: ['a'] })
    await elapse(runtime.clock, 2000)
    await subscribe(two, { identity: 'bob', patterns: ['a.>'] })
    await subscribe(two, { topics: ['b'] })
    await elapse(runtime.clock, 5000)
    const now = runtime.wallClock()
    const all = await one.connections({ everywhere: true })
    expect(all.toSorted((a, b) => (a.identity ?? '').localeCompare(b.identity ?? ''))).toEqual([
      { identity: undefined, topics: ['b'], node: 'two', openedAt: now - 5000 },
      { identity: 'ada', topics: ['a'], node: 'one', openedAt: now - 7000 },
      { identity: 'bob', topics: ['a.>'], node: 'two', openedAt: now - 5000 },
    ])
    expect(await two.connections({ everywhere: true })).toHaveLength(3)
    const ofTopic = await one.connections({ everywhere: true, topic: 'a.1' })
    expect(ofTopic.map(({ identity }) => identity)).toEqual(['bob'])
    const ofIdentity = await two.connections({ everywhere: true, identity: 'ada' })
    expect(ofIdentity.map(({ node }) => node)).toEqual(['one'])
    expect(one.connections()).toHaveLength(1)
  })

  it('drops clients that left at the next interval, and a process that closes at once', async () => {
    const { one, two, runtime } = twoHubs()
    const reader = await subscribe(two, { identity: 'bob' })
    await elapse(runtime.clock, 100)
    expect(await one.connections({ everywhere: true })).toHaveLength(1)
    reader.sink.leave()
    await elapse(runtime.clock, 5000)
    expect(await one.connections({ everywhere: true })).toEqual([])
    await subscribe(two, { identity: 'bob' })
    await elapse(runtime.clock, 5000)
    expect(await one.connections({ everywhere: true })).toHaveLength(1)
    const closing = two.close()
    await elapse(runtime.clock, 5000)
    await closing
    expect(await one.connections({ everywhere: true })).toEqual([])
  })

  it('drops a process that has been silent for three intervals', async () => {
    const runtime = createVirtualRuntime()
    const log = createTestLog({ runtime })
    let isDead = false
    const dying: EventLog = {
      ...delegateTo(log),
      control: (...args) => (isDead ? Promise.reject(new Error('dead')) : log.control(...args)),
    }
    const shared = { runtime, heartbeatIntervalMs: 0, presenceIntervalMs: 1000 }
    const dead = createHub({ ...shared, log: dying, node: 'dead', onError: () => undefined })
    const alive = createHub({ ...shared, log })
    await subscribe(dead, { identity: 'bob' })
    await elapse(runtime.clock, 100)
    isDead = true
    await elapse(runtime.clock, 2000)
    expect(await alive.connections({ everywhere: true })).toHaveLength(1)
    await elapse(runtime.clock, 1000)
    expect(await alive.connections({ everywhere: true })).toEqual([])
  })

  it('writes nothing while there are no connections, nor with presenceIntervalMs: 0', async () => {
    const log = createTestLog()
    const control = vi.fn<EventLog['control']>((...args) => log.control(...args))
    const runtime = createVirtualRuntime()
    const shared = { runtime, heartbeatIntervalMs: 0, log: { ...delegateTo(log), control } }
    createHub(shared)
    await elapse(runtime.clock, 60_000)
    const silent = createHub({ ...shared, presenceIntervalMs: 0 })
    await subscribe(silent)
    await elapse(runtime.clock, 60_000)
    expect(control).not.toHaveBeenCalled()
    expect(await silent.connections({ everywhere: true })).toHaveLength(1)
  })
})
