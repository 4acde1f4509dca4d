import { describe, expect, it, vi } from 'vitest'
import { memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog, LogTailListener } from '@sse-toolkit/sse-server'
import { createTestHub, delegateTo, publishAll, subscribe } from './hub-readers.ts'
import { turn } from './virtual-runtime.ts'

// Notifications that a hub gets only from a log that is shared over a network.

/** A log whose tail is deaf when the test says so, as behind a network that fails. */
function createNetworkLog(maxEvents = 1000) {
  const log = memoryLog({ maxEvents })
  const listeners: LogTailListener[] = []
  let isDeaf = false
  const shared: EventLog = {
    ...delegateTo(log),
    tail: (listener) => {
      listeners.push(listener)
      return log.tail({
        ...listener,
        appended: (entry) => {
          if (!isDeaf) listener.appended(entry)
        },
      })
    },
  }
  return {
    log: shared,
    deafen: () => {
      isDeaf = true
    },
    hearAgain: async () => {
      isDeaf = false
      const head = await log.head()
      for (const listener of listeners) listener.skipped(head)
    },
    abandon: (topic: string) => listeners[0]?.abandoned(topic),
  }
}

describe('events that the log stored without notifying the hub', () => {
  it('are read by the subscribers of their topics, in order', async () => {
    const { log, deafen, hearAgain } = createNetworkLog()
    const { hub } = createTestHub({ log })
    const [a, b] = [await subscribe(hub, { topics: ['a'] }), await subscribe(hub, { topics: ['b'] })]
    await publishAll(hub, 'a', '1')
    deafen()
    await publishAll(hub, 'a', '2', '3')
    await hearAgain()
    await publishAll(hub, 'a', '4')
    await turn()
    expect([a.data, b.data]).toEqual([['1', '2', '3', '4'], []])
    expect([a.gaps, b.gaps]).toEqual([[], []])
  })

  it('that are evicted become a gap for the subscribers of their topics only', async () => {
    const { log, deafen, hearAgain } = createNetworkLog(3)
    const { hub } = createTestHub({ log })
    const [a, b] = [await subscribe(hub, { topics: ['a'] }), await subscribe(hub, { topics: ['b'] })]
    const [last] = await publishAll(hub, 'a', '1')
    deafen()
    await publishAll(hub, 'a', '2', '3', '4', '5', '6')
    await hearAgain()
    await publishAll(hub, 'b', '7')
    await turn()
    expect(a.gaps).toEqual([expect.objectContaining({ reason: 'evicted', requested: last })])
    expect([a.data, b.data]).toEqual([['1', '4', '5', '6'], ['7']])
    expect(b.gaps).toEqual([])
  })

  it('that coincide with the last read of a replay are not lost', async () => {
    const { log, deafen, hearAgain } = createNetworkLog()
    const { hub } = createTestHub({ log })
    await publishAll(hub, 'a', '1')
    const read = log.read.bind(log)
    vi.spyOn(log, 'read').mockImplementationOnce(async (...args) => {
      const page = await read(...args)
      // The log has answered, and the answer is on its way.
      deafen()
      await publishAll(hub, 'a', '2')
      await hearAgain()
      return page
    })
    const reader = await subscribe(hub, { topics: ['a'], lastEventId: 'earliest' })
    await turn()
    expect(reader.data).toEqual(['1', '2'])
  })

  it('cause no gap for events that were evicted before a reader from earliest arrived', async () => {
    const { log, deafen, hearAgain } = createNetworkLog(3)
    const { hub } = createTestHub({ log })
    await publishAll(hub, 'a', '1', '2', '3', '4')
    const reader = await subscribe(hub, { topics: ['a'], lastEventId: 'earliest' })
    await turn()
    deafen()
    await publishAll(hub, 'a', '5')
    await hearAgain()
    await turn()
    expect([reader.data, reader.gaps]).toEqual([['2', '3', '4', '5'], []])
  })
})

describe('a finite topic whose process is gone', () => {
  it('ends as failed, and readers get the failure', async () => {
    const { log, abandon } = createNetworkLog()
    const { hub } = createTestHub({ log })
    await log.claim('answer')
    const reader = await subscribe(hub, { topics: ['answer'] })
    await publishAll(hub, 'answer', 'It')
    abandon('answer')
    await turn()
    expect(reader.events.map(({ event, data }) => [event, data])).toEqual([
      ['message', 'It'],
      ['stream.error', '{"topic":"answer","message":"The producer failed"}'],
      ['stream.end', '{"topic":"answer","reason":"failed"}'],
    ])
    expect(reader.sink.ended).toBe('close')
    expect(await hub.topicState('answer')).toBe('ended')
  })
})

describe('a log that cannot be read', () => {
  it('is reported, and subscribing is answered 503 with Retry-After', async () => {
    const failure = new Error('log is gone')
    const onError = vi.fn<(error: unknown) => void>()
    const log = memoryLog()
    const { hub } = createTestHub({ log, onError })
    for (const method of ['head', 'status'] as const) {
      vi.spyOn(log, method).mockRejectedValueOnce(failure)
      const response = await hub.subscribe(new Request('http://localhost/'), { topics: ['a'] })
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toMatch(/^[123]$/)
    }
    expect(onError.mock.calls).toEqual([[failure], [failure]])
    expect((await hub.subscribe(new Request('http://localhost/'), { topics: ['a'] })).status).toBe(200)
  })
})
