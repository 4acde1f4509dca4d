import { describe, expect, it, vi } from 'vitest'
import { memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog, LogEntry, LogTailListener, TopicState } from '@sse-toolkit/sse-server'
import { createTestHub, delegateTo, subscribe } from './hub-readers.ts'
import { turn } from './virtual-runtime.ts'

// Each of these was found by the simulation (docs/how/simulation.md).

interface ScriptedLog {
  readonly log: EventLog
  readonly listener: LogTailListener
  epoch: string
  entries: readonly LogEntry[]
  evictedUpTo: number
}

/** A log that is ahead of its notifications, as one behind a network is. The test controls both. */
function scriptedLog(): ScriptedLog {
  const unheard = memoryLog()
  let listener: LogTailListener | undefined
  const script: ScriptedLog = {
    epoch: 'one',
    entries: [],
    evictedUpTo: 0,
    get listener() {
      if (listener === undefined) throw new Error('nobody listens yet')
      return listener
    },
    log: {
      ...delegateTo(unheard),
      head: async () => ({ epoch: script.epoch, seq: script.entries.at(-1)?.position.seq ?? 0 }),
      read: async (_patterns, after) => ({
        entries: script.entries.filter(({ position }) => position.seq > after),
        more: false,
        evictedUpTo: script.evictedUpTo,
      }),
      tail(given) {
        listener = given
        return () => undefined
      },
    },
  }
  return script
}

function entryAt(epoch: string, seq: number): LogEntry {
  return { topic: 'a', event: undefined, data: `${epoch} ${seq}`, key: undefined, position: { epoch, seq } }
}

describe('a log that restarts', () => {
  it('loses no event for a reader that subscribes after the restart but before the hub is notified', async () => {
    const script = scriptedLog()
    const { hub } = createTestHub({ log: script.log })
    script.listener.appended(entryAt('one', 1))
    script.epoch = 'two'
    const reader = await subscribe(hub)
    script.entries = [entryAt('two', 1)]
    script.listener.restarted({ epoch: 'two', seq: 1 })
    await turn()
    expect(reader.data).toEqual(['two 1'])
    expect(reader.gaps).toEqual([])
  })

  it('sends connected readers the gap, and then everything that the new log holds', async () => {
    const script = scriptedLog()
    const { hub } = createTestHub({ log: script.log })
    const reader = await subscribe(hub)
    script.epoch = 'two'
    script.entries = [entryAt('two', 1), entryAt('two', 2)]
    script.listener.restarted({ epoch: 'two', seq: 2 })
    await turn()
    expect(reader.gaps).toEqual([{ reason: 'epoch', requested: 'one-0', earliest: 'two-1', latest: 'two-2' }])
    expect(reader.data).toEqual(['two 1', 'two 2'])
    expect(reader.ids.at(-1)).toBe('two-2')
  })

  it('sends no event of the old log to a reader that subscribed after the restart', async () => {
    const script = scriptedLog()
    const { hub } = createTestHub({ log: script.log })
    script.listener.appended(entryAt('one', 1))
    script.epoch = 'two'
    const reader = await subscribe(hub)
    script.listener.appended(entryAt('one', 2))
    await turn()
    expect(reader.data).toEqual([])
  })

  it('is not undone by a late notice of an earlier restart', async () => {
    const script = scriptedLog()
    const { hub } = createTestHub({ log: script.log })
    script.listener.appended(entryAt('one', 1))
    script.epoch = 'three'
    const request = new Request('http://localhost/')
    const response = await hub.subscribe(request, { patterns: ['>'] })
    script.listener.restarted({ epoch: 'two', seq: 0 })
    const text = response.text()
    await turn()
    await hub.close()
    expect(await text).not.toContain('stream.gap')
  })

  it('returns a reader to its position when the notice of an earlier restart arrived late', async () => {
    const script = scriptedLog()
    const { hub } = createTestHub({ log: script.log })
    script.listener.appended(entryAt('one', 1))
    script.epoch = 'three'
    script.entries = [entryAt('three', 1)]
    const reader = await subscribe(hub, { lastEventId: 'one-1' })
    await turn()
    const before = [...reader.gaps]
    script.listener.restarted({ epoch: 'two', seq: 1 })
    script.listener.restarted({ epoch: 'three', seq: 1 })
    script.entries = [entryAt('three', 1), entryAt('three', 2)]
    script.listener.appended(entryAt('three', 2))
    await turn()
    expect(before).toEqual([{ reason: 'epoch', requested: 'one-1', earliest: 'three-1', latest: 'three-1' }])
    expect(reader.gaps).toEqual(before)
    expect(reader.data).toEqual(['three 1', 'three 2'])
  })
})
it('does not take the end of a topic in a new epoch for the end that a reader had in the old one', async () => {
  const script = scriptedLog()
  script.entries = [entryAt('one', 5)]
  // The log restarts between two questions, and the topic has ended again since.
  const status: EventLog['status'] = async () => {
    script.epoch = 'two'
    return { state: 'ended', endSeq: 3, lastSeq: 3 }
  }
  const { hub } = createTestHub({ log: { ...script.log, status } })
  const request = new Request('http://localhost/', { headers: { 'last-event-id': 'one-5' } })
  const response = await hub.subscribe(request, { topics: ['a'] })
  expect(response.status).toBe(200)
  await response.body?.cancel()
})

it('a gap never ends before the event that follows it, however late the hub is notified by the log', async () => {
  const script = scriptedLog()
  const { hub } = createTestHub({ log: script.log })
  script.entries = [entryAt('one', 3)]
  const response = subscribe(hub, { lastEventId: 'one-1' })
  script.entries = [entryAt('one', 3), entryAt('one', 9)]
  script.evictedUpTo = 7
  const reader = await response
  await turn()
  expect(reader.gaps).toEqual([{ reason: 'evicted', requested: 'one-1', earliest: 'one-3', latest: 'one-9' }])
})

it('an identity that is forbidden while subscribing gets nothing', async () => {
  const { hub } = createTestHub({ authorize: () => ({ identity: 'anna' }) })
  await subscribe(hub)
  const response = await hub.subscribe(new Request('http://localhost/'), { patterns: ['>'] })
  expect(hub.disconnect(() => true, { reconnect: 'forbid' })).toBe(1)
  const text = response.text()
  await hub.publish('a', { data: 'secret' })
  expect(await text).not.toContain('secret')
})

it('a hub that asks for the longest reconnection time can be closed', async () => {
  const { hub } = createTestHub({ reconnectionTimeMs: Number.MAX_SAFE_INTEGER })
  const { sink } = await subscribe(hub)
  await hub.close()
  expect(sink.ended).toBe('close')
})

it('a run that is claimed while the hub closes ends before the hub is closed', async () => {
  const log = memoryLog()
  const claimed = Promise.withResolvers<TopicState>()
  const { hub } = createTestHub({
    log: { ...delegateTo(log), claim: (topic) => log.claim(topic).then(() => claimed.promise) },
  })
  const running = hub.run('job', () => new ReadableStream())
  const closing = hub.close()
  await turn()
  claimed.resolve('open')
  await closing
  expect(hub.stats().running).toBe(0)
  const run = await running
  expect(run.started && (await run.finished)).toBe('interrupted')
  expect(await log.status('job')).toMatchObject({ state: 'ended' })
})

it('the filter of a reader that has left is not called again', async () => {
  const page = Promise.withResolvers<void>()
  const log = memoryLog()
  const { hub } = createTestHub({
    log: { ...delegateTo(log), read: (...args) => page.promise.then(() => log.read(...args)) },
  })
  await hub.publish('a', { data: '1' })
  let asked = 0
  const { sink } = await subscribe(hub, { lastEventId: 'earliest', filter: () => (asked += 1) > 0 })
  sink.leave()
  page.resolve()
  await turn()
  expect(asked).toBe(0)
})

it('a replay whose filter lets nothing pass lets the event loop turn', async () => {
  const { hub } = createTestHub()
  await Promise.all(Array.from({ length: 5000 }, (_, n) => hub.publish('a', { data: String(n) })))
  let asked = 0
  const filter = (): boolean => {
    asked += 1
    return false
  }
  await subscribe(hub, { filter, lastEventId: 'earliest' })
  await turn()
  expect(asked).toBeLessThan(5000)
  await vi.waitFor(() => expect(asked).toBe(5000))
})
