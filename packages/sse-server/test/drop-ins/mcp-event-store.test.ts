import { describe, expect, it } from 'vitest'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'
import { mcpEventStore } from '@sse-toolkit/sse-server/mcp'
import type { McpEventStore } from '@sse-toolkit/sse-server/mcp'
import { delegateTo } from '../hub-readers.ts'
import { createTestLog } from '../test-logs.ts'
import { createVirtualRuntime, turn } from '../virtual-runtime.ts'

function note(method: string): object {
  return { jsonrpc: '2.0', method }
}

/** What a replay sends. */
async function replay(
  store: McpEventStore,
  after: string,
): Promise<{ readonly streamId: string; readonly sent: readonly (readonly [string, object])[] }> {
  const sent: [string, object][] = []
  const streamId = await store.replayEventsAfter(after, {
    send: async (id, message) => void sent.push([id, message]),
  })
  return { streamId, sent }
}

/** A log that is in another epoch than `log` was. */
function restarted(log: EventLog, shared: { isRestarted: boolean }): EventLog {
  return {
    ...delegateTo(log),
    head: async () => (shared.isRestarted ? { epoch: 'another', seq: 1000 } : log.head()),
  }
}

describe('the event store for MCP', () => {
  it('replays the messages stored after an id in its stream, in order, under the same ids', async () => {
    const store = mcpEventStore({ log: createTestLog(), sessionId: 'session' })
    const first = await store.storeEvent('a', note('1'))
    await store.storeEvent('b', note('other'))
    const second = await store.storeEvent('a', note('2'))
    const third = await store.storeEvent('a', note('3'))
    expect(await replay(store, first)).toEqual({
      streamId: 'a',
      sent: [
        [second, note('2')],
        [third, note('3')],
      ],
    })
    expect(await replay(store, second)).toEqual({ streamId: 'a', sent: [[third, note('3')]] })
    expect(await replay(store, third)).toEqual({ streamId: 'a', sent: [] })
  })

  it.each(['_GET_stream', 'f3a7-0c', '', 'a.b c/*>%'])('knows the stream %j of an id', async (streamId) => {
    const store = mcpEventStore({ log: createTestLog(), sessionId: 'a.b' })
    const id = await store.storeEvent(streamId, note('1'))
    expect(id).toMatch(/^[\x21-\x7e]+$/)
    expect(await store.getStreamIdForEventId(id)).toBe(streamId)
    await store.storeEvent(streamId, note('2'))
    expect(await replay(store, id)).toMatchObject({ streamId, sent: [[expect.any(String), note('2')]] })
  })

  it('keeps sessions apart even if their streams have the same names and an id of the other is known', async () => {
    const log = createTestLog()
    const ada = mcpEventStore({ log, sessionId: 'ada' })
    const bob = mcpEventStore({ log, sessionId: 'bob' })
    const id = await ada.storeEvent('_GET_stream', note('first'))
    await ada.storeEvent('_GET_stream', note('secret'))
    await bob.storeEvent('_GET_stream', note('of bob'))
    expect((await replay(bob, id)).sent.map(([, message]) => message)).toEqual([note('of bob')])
    expect((await replay(ada, id)).sent.map(([, message]) => message)).toEqual([note('secret')])
  })

  it('is shared by all stores of a session on the same log', async () => {
    const log = createTestLog()
    const here = mcpEventStore({ log, sessionId: 'session' })
    const there = mcpEventStore({ log, sessionId: 'session' })
    const id = await here.storeEvent('a', note('1'))
    await there.storeEvent('a', note('2'))
    await here.storeEvent('a', note('3'))
    expect((await replay(there, id)).sent.map(([, message]) => message)).toEqual([note('2'), note('3')])
  })

  it('replays more than one page', async () => {
    const store = mcpEventStore({ log: createTestLog(), sessionId: 'session' })
    const first = await store.storeEvent('a', note('first'))
    const ids = await Promise.all(
      Array.from({ length: 600 }, (_, index) => store.storeEvent('a', note(`${index}`))),
    )
    expect((await replay(store, first)).sent.map(([id]) => id)).toEqual(ids)
  })

  it('does not replay the entry that opens a stream, which is not a message', async () => {
    const store = mcpEventStore({ log: createTestLog(), sessionId: 'session' })
    const opened = await store.storeEvent('a', {})
    await store.storeEvent('a', note('1'))
    await store.storeEvent('a', {})
    expect((await replay(store, opened)).sent.map(([, message]) => message)).toEqual([note('1')])
  })

  it('refuses an id that it did not issue', async () => {
    const log = createTestLog()
    const store = mcpEventStore({ log, sessionId: 'session' })
    const id = await store.storeEvent('a', note('1'))
    const [place = ''] = id.split('.')
    for (const other of [
      '',
      'nonsense',
      place,
      `${place}.`,
      `${place}.a.b`,
      `${place}.%zz`,
      `${place}.*`,
      `x.a`,
    ]) {
      expect(await store.getStreamIdForEventId(other)).toBe(undefined)
      await expect(replay(store, other)).rejects.toMatchObject({ code: 'unknown-event' })
    }
    const ahead = place.replace(/\d+$/, '999999')
    await expect(replay(store, `${ahead}.a`)).rejects.toMatchObject({ code: 'unknown-event' })
  })

  it('reports lost events, and sends none, if the log no longer holds all of them', async () => {
    const log = createTestLog({ maxEvents: 2 })
    const store = mcpEventStore({ log, sessionId: 'session' })
    const first = await store.storeEvent('a', note('1'))
    const second = await store.storeEvent('a', note('2'))
    await store.storeEvent('a', note('3'))
    await store.storeEvent('a', note('4'))
    await expect(replay(store, first)).rejects.toMatchObject({ code: 'events-lost' })
    expect((await replay(store, second)).sent.map(([, message]) => message)).toEqual([note('3'), note('4')])
  })

  it('reports lost events after the log has lost its memory', async () => {
    const shared = { isRestarted: false }
    const store = mcpEventStore({ log: restarted(memoryLog(), shared), sessionId: 'session' })
    const id = await store.storeEvent('a', note('1'))
    await store.storeEvent('a', note('2'))
    shared.isRestarted = true
    await expect(replay(store, id)).rejects.toMatchObject({ code: 'events-lost' })
  })

  it('holds back messages stored during a replay until the replay is done', async () => {
    const log = memoryLog()
    const read = Promise.withResolvers<void>()
    const isRead = Promise.withResolvers<void>()
    const store = mcpEventStore({
      log: {
        ...delegateTo(log),
        read: async (...args) => {
          const page = await log.read(...args)
          isRead.resolve()
          await read.promise
          return page
        },
      },
      sessionId: 'session',
    })
    const order: string[] = []
    const id = await store.storeEvent('a', note('1'))
    const replaying = replay(store, id).then(({ sent }) => order.push(`replayed ${sent.length}`))
    await isRead.promise
    // It comes after the page was read: only the reader that the replay becomes can get it.
    const storing = store.storeEvent('a', note('2')).then(() => order.push('stored'))
    await store.storeEvent('b', note('of another stream'))
    expect(order).toEqual([])
    read.resolve()
    await Promise.all([replaying, storing])
    expect(order).toEqual(['replayed 0', 'stored'])
  })

  it('waits for messages from another process if there is nothing to send yet', async () => {
    const log = createTestLog()
    const here = mcpEventStore({ log, sessionId: 'session' })
    const there = mcpEventStore({ log, sessionId: 'session', waitMs: 60_000 })
    const id = await here.storeEvent('a', note('1'))
    const waiting = replay(there, id)
    await here.storeEvent('b', note('of another stream'))
    await here.storeEvent('a', {})
    await turn()
    await here.storeEvent('a', note('2'))
    expect((await waiting).sent.map(([, message]) => message)).toEqual([note('2')])
  })

  it('stops waiting at its limit, and leaves no listener behind', async () => {
    const log = memoryLog()
    let tails = 0
    const counted = {
      ...delegateTo(log),
      tail: (...args: Parameters<EventLog['tail']>) => {
        tails += 1
        const stop = log.tail(...args)
        return () => {
          tails -= 1
          stop()
        }
      },
    }
    const runtime = createVirtualRuntime()
    const store = mcpEventStore({ log: counted, sessionId: 'session', waitMs: 1000, runtime })
    const id = await store.storeEvent('a', note('1'))
    const waiting = replay(store, id)
    await turn()
    expect(tails).toBe(1)
    await runtime.clock.advance(1000)
    expect(await waiting).toEqual({ streamId: 'a', sent: [] })
    expect(tails).toBe(0)
  })

  it('is invisible to a hub on another log', async () => {
    const hub = createHub({ log: createTestLog() })
    await mcpEventStore({ log: createTestLog(), sessionId: 'session' }).storeEvent('a', note('1'))
    await hub.publish('news', { data: 'of the hub' })
    for await (const reading of hub.read([], { patterns: ['>'], after: 'earliest' })) {
      expect(reading).toMatchObject({ topic: 'news' })
      break
    }
    await hub.close()
  })

  it('needs a log and the id of a session', () => {
    const log = memoryLog()
    const wrong: readonly object[] = [
      {},
      { log },
      { log, sessionId: '' },
      { sessionId: 'a' },
      { log, sessionId: 'a', x: 1 },
    ]
    for (const options of wrong)
      expect(() => mcpEventStore(options as { log: EventLog; sessionId: string })).toThrow(
        expect.objectContaining({ code: 'invalid-option' }),
      )
  })
})
