import { describe, expect, it, vi } from 'vitest'
import type { EventLog, Hub } from '@sse-toolkit/sse-server'
import { createTestHub, delegateTo, publishAll, subscribe } from './hub-readers.ts'
import { createTestLog } from './test-logs.ts'
import { turn } from './virtual-runtime.ts'

describe('publish with an idempotency key', () => {
  it('stores the event once, however often and whenever it is published', async () => {
    const { hub } = createTestHub()
    const reader = await subscribe(hub)
    const publish = (): ReturnType<Hub['publish']> =>
      hub.publish('orders.1', { data: 'x' }, { idempotencyKey: 'payment-7' })
    const results = await Promise.all([publish(), publish()])
    await publishAll(hub, 'orders.1', 'y')
    results.push(await publish())
    expect(new Set(results.map(({ id }) => id)).size).toBe(1)
    expect(results.map(({ stored }) => stored)).toEqual([true, false, false])
    await turn()
    expect(reader.data).toEqual(['x', 'y'])
    expect(hub.stats().published).toBe(2)
  })

  it('tells keys apart, and topics', async () => {
    const { hub } = createTestHub()
    const stored: boolean[] = []
    for (const [topic, idempotencyKey] of [
      ['a', '1'],
      ['a', '2'],
      ['b', '1'],
      ['a', '1'],
    ] as const)
      stored.push((await hub.publish(topic, { data: 'x' }, { idempotencyKey })).stored)
    expect(stored).toEqual([true, true, true, false])
  })

  it('stores the event when it is repeated after a failure', async () => {
    const log = createTestLog()
    const appendBatch = vi.fn<EventLog['appendBatch']>((...args) => log.appendBatch(...args))
    appendBatch.mockRejectedValueOnce(new Error('no log'))
    const { hub } = createTestHub({ log: { ...delegateTo(log), appendBatch } })
    const publish = (): ReturnType<Hub['publish']> => hub.publish('a', { data: 'x' }, { idempotencyKey: 'k' })
    await expect(publish()).rejects.toThrow('no log')
    expect((await publish()).stored).toBe(true)
  })
})

describe('publish with a producer', () => {
  it('refuses an event that skips a sequence number, and names the expected one', async () => {
    const { hub } = createTestHub()
    const publish = (epoch: number, seq: number): ReturnType<Hub['publish']> =>
      hub.publish('a', { data: `${epoch}.${seq}` }, { producer: { id: 'p', epoch, seq } })
    await publish(0, 0)
    await expect(publish(0, 2)).rejects.toMatchObject({
      code: 'sequence-gap',
      expected: { epoch: 0, seq: 1 },
    })
    await publish(1, 0)
    await expect(publish(0, 1)).rejects.toMatchObject({
      code: 'stale-producer',
      expected: { epoch: 1, seq: 1 },
    })
    expect(await publish(1, 0)).toMatchObject({ stored: false })
  })

  it.each([
    ['producer', { producer: null }, 'producer.id'],
    ['id', { producer: { id: '', epoch: 0, seq: 0 } }, 'producer.id'],
    ['id with a lone surrogate', { producer: { id: '\ud800', epoch: 0, seq: 0 } }, 'producer.id'],
    ['epoch', { producer: { id: 'p', epoch: -1, seq: 0 } }, 'producer.epoch'],
    ['seq', { producer: { id: 'p', epoch: 0, seq: 0.5 } }, 'producer.seq'],
    ['seq as text', { producer: { id: 'p', epoch: 0, seq: '1' } }, 'producer.seq'],
    ['key', { idempotencyKey: '' }, 'idempotencyKey'],
    ['length of a key', { idempotencyKey: 'k'.repeat(256) }, 'idempotencyKey'],
    [
      'key beside a producer',
      { idempotencyKey: 'k', producer: { id: 'p', epoch: 0, seq: 0 } },
      'idempotencyKey',
    ],
  ])('refuses an invalid %s', async (_name, options, option) => {
    const { hub } = createTestHub()
    await expect(hub.publish('a', { data: 'x' }, options as never)).rejects.toMatchObject({
      code: 'invalid-option',
      option,
    })
    expect(await hub.position()).toMatch(/-0$/)
  })
})

describe('publishBatch', () => {
  it('publishes all or none of its events, in order, with an id for each', async () => {
    const { hub } = createTestHub()
    const reader = await subscribe(hub)
    const { ids, stored } = await hub.publishBatch('a', [{ data: 1 }, { event: 'paid', data: 2 }])
    await turn()
    expect(stored).toBe(true)
    expect(reader.events).toEqual([
      { id: ids[0], event: 'message', data: '1' },
      { id: ids[1], event: 'paid', data: '2' },
    ])
    await expect(hub.publishBatch('a', [{ data: 1 }, { data: undefined }])).rejects.toMatchObject({
      code: 'invalid-data',
    })
    await turn()
    expect(reader.events).toHaveLength(2)
  })

  it('is stored once under one key', async () => {
    const { hub } = createTestHub()
    const publish = (): ReturnType<Hub['publishBatch']> =>
      hub.publishBatch('a', [{ data: 1 }, { data: 2 }], { idempotencyKey: 'k' })
    const first = await publish()
    expect(await publish()).toEqual({ ids: first.ids, stored: false })
  })

  it.each([
    ['no event', [], 'invalid-option'],
    ['more than 256 events', Array.from({ length: 257 }, () => ({ data: 'x' })), 'invalid-option'],
    ['a value that is not an array', { data: 'x' }, 'invalid-option'],
    ['more than 1 MiB', [{ data: 'x'.repeat(600_000) }, { data: 'x'.repeat(600_000) }], 'event-too-large'],
    [
      'more than 1 MiB in UTF-8',
      [{ data: 'é'.repeat(300_000) }, { data: 'é'.repeat(300_000) }],
      'event-too-large',
    ],
  ])('refuses %s', async (_name, events, code) => {
    const { hub } = createTestHub()
    await expect(hub.publishBatch('a', events as never)).rejects.toMatchObject({ code })
  })
})

describe('position', () => {
  it('of a topic is the id of its newest event, and the one before all events if it has none', async () => {
    const { hub } = createTestHub()
    const [id] = await publishAll(hub, 'a', '1')
    await publishAll(hub, 'b', '2')
    expect(await hub.position('a')).toBe(id)
    expect(await hub.position('c')).toMatch(/-0$/)
    await expect(hub.position('a b')).rejects.toMatchObject({ code: 'invalid-topic' })
  })
})

it('a log without what this release needs is refused', () => {
  const older = { ...delegateTo(createTestLog()), appendBatch: undefined } as unknown as EventLog
  expect(() => createTestHub({ log: older })).toThrow(
    expect.objectContaining({ code: 'invalid-option', option: 'log' }),
  )
})

it('a loop that publishes lets the event loop turn', async () => {
  const { hub } = createTestHub()
  const reader = await subscribe(hub)
  let arrivedBefore = 0
  for (let n = 1; n <= 5000; n += 1) {
    if (n === 5000) arrivedBefore = reader.data.length
    await hub.publish('a', { data: String(n) })
  }
  expect(arrivedBefore).toBeGreaterThan(0)
  await turn()
  expect(reader.data).toHaveLength(5000)
})
