import { describe, expect, it } from 'vitest'
import type { EventLog, Hub } from '@sse-toolkit/sse-server'
import { createTestHub, delegateTo, publishAll, subscribe } from './hub-readers.ts'
import { createTestLog } from './test-logs.ts'
import { turn } from './virtual-runtime.ts'

// Each of them is called while an event is on its way to the readers, and publishes another one.
const publishers: [string, (hub: Hub, publish: () => void) => Promise<unknown>][] = [
  [
    'a filter',
    (hub, publish) =>
      subscribe(hub, {
        filter: ({ topic }) => {
          if (topic === 'a') publish()
          return true
        },
      }),
  ],
  [
    'onError, because a filter throws',
    (hub) =>
      subscribe(hub, {
        topics: ['a'],
        filter: () => {
          throw new Error('The filter fails')
        },
      }),
  ],
  [
    'onError, because a filter is asynchronous',
    (hub) => subscribe(hub, { topics: ['a'], filter: (async () => true) as never }),
  ],
]

describe.each(publishers)('when %s publishes', (_name, begin) => {
  it('every reader gets both events in order, whatever its place among the readers', async () => {
    let published = false
    const publish = (): void => {
      if (published) return
      published = true
      void hub.publish('b', { data: 'second' })
    }
    const { hub } = createTestHub({ onError: publish })
    const before = [await subscribe(hub), await subscribe(hub, { topics: ['a', 'b'] })]
    await begin(hub, publish)
    const after = [await subscribe(hub), await subscribe(hub, { topics: ['a', 'b'] })]
    await publishAll(hub, 'a', 'first')
    await turn()
    for (const reader of [...before, ...after]) {
      expect(reader.data).toEqual(['first', 'second'])
      expect(reader.gaps).toEqual([])
    }
  })
})

it('an event that a filter publishes at the end of a replay comes after those that were held during it', async () => {
  const log = createTestLog()
  const delivered = Promise.withResolvers<void>()
  const slow = {
    ...delegateTo(log),
    async read(...args: Parameters<EventLog['read']>) {
      const page = await log.read(...args)
      await delivered.promise
      return page
    },
  }
  const { hub } = createTestHub({ log: slow })
  await publishAll(hub, 'a', 'old')
  let published = false
  const filter = ({ data }: { data: string }): boolean => {
    if (data === 'held 1' && !published) {
      published = true
      void hub.publish('a', { data: 'published within' })
    }
    return true
  }
  const reader = await subscribe(hub, { filter, lastEventId: 'earliest' })
  await turn()
  await publishAll(hub, 'a', 'held 1', 'held 2')
  delivered.resolve()
  await turn()
  expect(reader.data).toEqual(['old', 'held 1', 'held 2', 'published within'])
})

it('when onJoin and onLeave publish, every reader gets what they publish, in order', async () => {
  let count = 0
  const publish = (): void => void hub.publish('presence', { data: String((count += 1)) })
  const { hub } = createTestHub({ onJoin: publish, onLeave: publish })
  const first = await subscribe(hub)
  const second = await subscribe(hub)
  second.sink.leave()
  const third = await subscribe(hub)
  await turn()
  expect(first.data).toEqual(['1', '2', '3', '4'])
  // From where it joined: on a shared log, what was published just before may be stored just after.
  expect(third.data).toEqual(first.data.slice(-third.data.length))
  expect(third.data).toContain('4')
  expect([...first.gaps, ...third.gaps]).toEqual([])
})

it('a filter that ends its own connection, or another, disturbs nobody else', async () => {
  const { hub } = createTestHub()
  const filter = (): boolean => {
    hub.disconnect(({ identity }) => identity === 'victim')
    return true
  }
  const before = await subscribe(hub, { identity: 'victim' })
  const breaker = await subscribe(hub, { identity: 'victim', filter })
  const after = await subscribe(hub)
  await publishAll(hub, 'a', 'x', 'y')
  await turn()
  expect([before.data, breaker.data, after.data]).toEqual([['x'], [], ['x', 'y']])
})

describe('an asynchronous listener that rejects', () => {
  it.each(['onJoin', 'onLeave'] as const)('of %s is reported, and ends nothing', async (name) => {
    const errors: unknown[] = []
    const failure = new Error('The directory is down')
    const { hub } = createTestHub({
      [name]: () => Promise.reject(failure),
      onError: (error) => errors.push(error),
    })
    const reader = await subscribe(hub)
    reader.sink.leave()
    await turn()
    expect(errors).toEqual([failure])
  })
})

describe('disconnect', () => {
  it.each<[string, unknown]>([
    ['a promise', Promise.resolve(false)],
    ['1', 1],
    ['nothing', undefined],
  ])('ends no connection if the predicate returns %s, and throws', async (_name, answer) => {
    const { hub } = createTestHub()
    await subscribe(hub)
    await subscribe(hub)
    let calls = 0
    const predicate = (): boolean => (++calls === 1 ? true : (answer as boolean))
    expect(() => hub.disconnect(predicate)).toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'predicate' }),
    )
    expect(hub.stats().connections).toBe(2)
  })
})
