import { describe, expect, it, vi } from 'vitest'
import {
  memoryLog,
  parseTopicPattern,
  respond,
  respondOnFirstEvent,
  respondRaw,
} from '@sse-toolkit/sse-server'
import type {
  EventLog,
  Hub,
  LogTailListener,
  RespondOptions,
  SubscribeOptions,
} from '@sse-toolkit/sse-server'
import { createTestHub, delegateTo, publishAll, subscribe } from './hub-readers.ts'
import { attach, failed, mark, RecordingSink } from './recording-sink.ts'
import { createTestLog, elapse } from './test-logs.ts'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

const words = ['It', ' depends', '.']
const quiet = { heartbeatIntervalMs: 0, onError: () => undefined }

/** Runs a topic that never comes to its end by itself. */
async function runForEver(hub: Hub, topic: string): Promise<void> {
  await hub.run(topic, async function* ({ signal }) {
    yield 'It'
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
    })
  })
  await turn()
}

/** A log that loses its memory when the test calls for it, before it notifies its tails. */
function forgetfulLog() {
  let log = memoryLog()
  const listeners: LogTailListener[] = []
  const tell = (): void => {
    for (const listener of listeners) listener.restarted({ epoch: 'another', seq: 0 })
  }
  return {
    tell,
    log: {
      ...delegateTo(log),
      append: (...args) => log.append(...args),
      claim: (topic) => log.claim(topic),
      status: (topic) => log.status(topic),
      end: (...args) => log.end(...args),
      tail: (listener) => {
        listeners.push(listener)
        return log.tail(listener)
      },
    } satisfies EventLog,
    forget: () => (log = memoryLog()),
  }
}

describe('a finite stream that ends early is broken off, and an infinite one ends cleanly', () => {
  const ends: readonly (readonly [string, (hub: Hub) => unknown])[] = [
    ['disconnect', (hub) => hub.disconnect(() => true)],
    ['disconnect by data', (hub) => hub.disconnect({})],
    ['forbid', (hub) => hub.forbid('ada')],
  ]

  it.each(ends)('by %s', async (_name, end) => {
    for (const wireContract of ['full', 'ids-only', 'off'] as const) {
      const { hub } = createTestHub()
      await runForEver(hub, 'answer')
      const options = { wireContract, identity: 'ada' }
      const finite = await subscribe(hub, { topics: ['answer'], ...options })
      const feed = await subscribe(hub, { topics: ['news'], ...options })
      const pattern = await subscribe(hub, { patterns: ['>'], ...options })
      const later = await subscribe(hub, { topics: ['later'], ...options })
      await runForEver(hub, 'later')
      await end(hub)
      await turn()
      const ended = [finite, feed, pattern, later].map(({ sink }) => sink.ended)
      expect(ended).toEqual(['cut', 'close', 'close', 'cut'])
      await hub.close()
    }
  })

  it('by the age of a connection, and by an authorization that expires', async () => {
    for (const limit of ['age', 'expiry']) {
      const began = createVirtualRuntime().wallClock()
      const { hub, runtime } = createTestHub({
        ...(limit === 'age' && { maxConnectionAgeMs: 1000 }),
        ...(limit === 'expiry' && { authorize: () => ({ expiresAt: began + 1000 }) }),
      })
      await runForEver(hub, 'answer')
      const finite = await subscribe(hub, { topics: ['answer'] })
      const feed = await subscribe(hub, { topics: ['news'] })
      await elapse(runtime.clock, 1100)
      await turn()
      expect([finite.sink.ended, feed.sink.ended]).toEqual(['cut', 'close'])
      await hub.close()
    }
  })

  it('by a filter that fails, and by a server that is about to stop', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    await runForEver(hub, 'answer')
    const filter = (): boolean => {
      throw new Error('a bug')
    }
    const filtered = await subscribe(hub, { topics: ['answer'], filter })
    const finite = await subscribe(hub, { topics: ['answer'] })
    const feed = await subscribe(hub, { topics: ['news'] })
    await turn()
    finite.sink.stop()
    feed.sink.stop()
    await turn()
    expect([filtered, finite, feed].map(({ sink }) => sink.ended)).toEqual(['cut', 'cut', 'close'])
  })

  it('delivers everything sent before the end, and nothing after', async () => {
    const { hub } = createTestHub()
    await runForEver(hub, 'answer')
    const sink = new RecordingSink()
    const reader = await subscribe(hub, { topics: ['answer'] }, sink)
    await turn()
    sink.reading = false
    await hub.publish('answer', { data: 'before' })
    await turn()
    hub.disconnect(() => true)
    await hub.publish('answer', { data: 'after' })
    sink.resume()
    await turn()
    expect(reader.data).toEqual(['It', 'before'])
    expect(sink.ended).toBe('cut')
  })
})

describe('the reason of an end', () => {
  const endOf = async (hub: Hub): Promise<readonly unknown[]> => {
    const reader = await subscribe(hub, { topics: ['answer'] })
    await turn()
    return [JSON.parse(reader.events.at(-1)?.data ?? 'null'), reader.sink.ended]
  }

  it('is completed, failed or cancelled', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    await hub.run('answer', words)
    await turn()
    expect(await endOf(hub)).toEqual([{ topic: 'answer', reason: 'completed' }, 'close'])
    const failing = createTestHub({ onError: () => undefined })
    await failing.hub.run('answer', () => Promise.reject(new Error('secret')))
    await turn()
    expect(await endOf(failing.hub)).toEqual([{ topic: 'answer', reason: 'failed' }, 'close'])
    const stopped = createTestHub()
    await runForEver(stopped.hub, 'answer')
    await stopped.hub.cancel('answer')
    await turn()
    expect(await endOf(stopped.hub)).toEqual([{ topic: 'answer', reason: 'cancelled' }, 'close'])
  })

  it('is interrupted when the hub closes, and readers get the reason first', async () => {
    const { hub } = createTestHub()
    await runForEver(hub, 'answer')
    const reader = await subscribe(hub, { topics: ['answer'] })
    // A reader that is still being replayed to is broken off, and comes again.
    await turn()
    await hub.close()
    expect(JSON.parse(reader.events.at(-1)?.data ?? '')).toEqual({ topic: 'answer', reason: 'interrupted' })
    expect(reader.sink.ended).toBe('close')
  })

  it('is interrupted when the log loses its memory, since readers would take the rest for the whole', async () => {
    const forgetful = forgetfulLog()
    const { hub } = createTestHub({ log: forgetful.log })
    const run = await hub.run('answer', async function* ({ signal }) {
      yield 'It'
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve)
      })
    })
    await turn()
    forgetful.tell()
    expect(run.started && (await run.finished)).toBe('interrupted')
  })

  it('is interrupted by the first event that is refused by a log which has lost the claim, and nothing is stored', async () => {
    const forgetful = forgetfulLog()
    const { hub } = createTestHub({ log: forgetful.log })
    const { promise, resolve: goOn } = Promise.withResolvers<void>()
    const run = await hub.run('answer', async function* () {
      yield 'It'
      await promise
      yield ' is'
      yield ' half'
    })
    await turn()
    const log = forgetful.forget()
    goOn()
    expect(run.started && (await run.finished)).toBe('interrupted')
    const { entries } = await log.read([parseTopicPattern('answer')], 0, 10)
    expect(entries.map(({ data }) => JSON.parse(data) as unknown)).toEqual([
      { topic: 'answer', reason: 'interrupted' },
    ])
  })

  it('of a run that has lost its claim does not end the run that replaced it', async () => {
    const forgetful = forgetfulLog()
    const { hub } = createTestHub({ log: forgetful.log })
    const run = await hub.run('answer', async function* ({ signal }) {
      yield 'early'
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve)
      })
    })
    await turn()
    const log = forgetful.forget()
    await log.claim('answer')
    forgetful.tell()
    expect(run.started && (await run.finished)).toBe('interrupted')
    expect(await log.status('answer')).toEqual({ state: 'running', lastSeq: 0 })
  })

  it('is expired when the time of the topics was over before their end was read', async () => {
    const { hub, runtime } = createTestHub()
    const run = await hub.run('answer', words, { ttlMs: 1000 })
    if (run.started) await run.finished
    const open = async (wireContract: SubscribeOptions['wireContract']): Promise<Response> =>
      hub.subscribe(new Request('http://localhost/'), { topics: ['answer'], wireContract })
    const responses = [await open('full'), await open('ids-only')]
    await elapse(runtime.clock, 1000)
    const sinks = responses.map((response) => attach(response))
    await turn()
    expect(sinks.map(({ ended }) => ended)).toEqual(['close', 'cut'])
    expect(sinks[0]?.text).toContain('event: stream.end\ndata: {"topic":"answer","reason":"expired"}')
  })

  it.each(['expired', 'failed'])(
    'names the topic that expired, and the worst reason of all: %s',
    async (reason) => {
      const { hub, runtime } = createTestHub({ onError: () => undefined })
      async function* answer(): AsyncGenerator<string> {
        yield 'whole'
        if (reason === 'failed') throw new Error('the model is gone')
      }
      const runs = [
        await hub.run('kept', answer, { ttlMs: 60_000 }),
        await hub.run('gone', words, { ttlMs: 1000 }),
      ]
      for (const run of runs) if (run.started) await run.finished
      const response = await hub.subscribe(new Request('http://localhost/'), { topics: ['kept', 'gone'] })
      await elapse(runtime.clock, 1000)
      const sink = attach(response)
      await turn()
      expect(sink.text).toContain('data: whole')
      expect(sink.text).toContain(`event: stream.end\ndata: {"topic":"gone","reason":"${reason}"}`)
    },
  )

  it('of several topics is the worst', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    await hub.run('bad', () => Promise.reject(new Error('secret')))
    await hub.run('good', words)
    await turn()
    const reader = await subscribe(hub, { topics: ['good', 'bad'], wireContract: 'ids-only' })
    await turn()
    expect(reader.sink.ended).toBe('cut')
  })
})

describe('close with runsMs', () => {
  it('lets runs finish with their readers, starts no new run, and interrupts runs that take longer', async () => {
    const { hub, runtime } = createTestHub()
    const go = Promise.withResolvers<void>()
    await hub.run('quick', async function* () {
      yield 'one'
      await go.promise
      yield 'two'
    })
    await runForEver(hub, 'slow')
    const quick = await subscribe(hub, { topics: ['quick'] })
    const slow = await subscribe(hub, { topics: ['slow'] })
    const closing = hub.close({ runsMs: 1000 })
    await expect(hub.run('new', words)).rejects.toMatchObject({ code: 'hub-closed' })
    expect((await hub.subscribe(new Request('http://localhost/'), { topics: ['quick'] })).status).toBe(503)
    go.resolve()
    await turn()
    expect([quick.data.slice(0, 2), quick.sink.ended, slow.sink.ended]).toEqual([
      ['one', 'two'],
      'close',
      undefined,
    ])
    expect(quick.events.at(-1)?.data).toContain('completed')
    await elapse(runtime.clock, 1000)
    await closing
    expect(slow.events.at(-1)?.data).toContain('interrupted')
    expect(runtime.clock.pendingTimers).toBe(0)
  })
})

describe('a producer that is stopped', () => {
  async function* withLastWords({ signal }: { signal: AbortSignal }): AsyncGenerator<string> {
    yield 'It'
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
    })
    yield 'stopped here'
  }

  it.each(['cancel', 'close'])('may give its last events for stopMs (%s)', async (how) => {
    const { hub, runtime } = createTestHub()
    await hub.run('answer', withLastWords, { stopMs: 1000 })
    const reader = await subscribe(hub, { topics: ['answer'] })
    await turn()
    if (how === 'cancel') await hub.cancel('answer')
    else await hub.close()
    await turn()
    expect(reader.data.slice(0, 2)).toEqual(['It', 'stopped here'])
    expect(reader.events.at(-1)?.data).toContain(how === 'cancel' ? 'cancelled' : 'interrupted')
    await hub.close()
    expect(runtime.clock.pendingTimers).toBe(0)
  })

  it('gives nothing afterwards, nor without stopMs', async () => {
    const { hub, runtime } = createTestHub()
    await hub.run('short', withLastWords)
    await hub.run('stuck', runEndless, { stopMs: 1000 })
    const [short, stuck] = [
      await subscribe(hub, { topics: ['short'] }),
      await subscribe(hub, { topics: ['stuck'] }),
    ]
    await turn()
    for (const topic of ['short', 'stuck']) await hub.cancel(topic)
    await turn()
    expect(short.events.map(({ event }) => event)).toEqual(['message', 'stream.end'])
    expect(stuck.sink.ended).toBeUndefined()
    await elapse(runtime.clock, 1000)
    await turn()
    expect(stuck.events.map(({ event }) => event)).toEqual(['message', 'stream.end'])
  })
})

/** It does not listen. */
async function* runEndless(): AsyncGenerator<string> {
  yield 'It'
  await new Promise(() => {})
}

describe("wireContract: 'off'", () => {
  it('writes events of the application alone, and heartbeats of one line', async () => {
    const { hub, runtime } = createTestHub({ heartbeatIntervalMs: 1000, reconnectionTimeMs: 50 })
    await hub.run('answer', words)
    await turn()
    const whole = await subscribe(hub, { topics: ['answer'], wireContract: 'off' })
    await turn()
    expect(whole.sink.text).toMatch(/^(id: \w+-\d+\ndata: [^\n]+\n\n){3}$/)
    const feed = await subscribe(hub, { topics: ['news'], wireContract: 'off' })
    await elapse(runtime.clock, 2200)
    await publishAll(hub, 'news', 'x')
    await turn()
    expect(feed.sink.text).toMatch(/^:\n:\nid: \w+-\d+\ndata: x\n\n$/)
    await hub.close({ drainMs: 0 })
    expect(feed.sink.text).not.toContain('retry')
    expect(feed.sink.ended).toBe('close')
  })

  it('sends no first block in respond, and a failure breaks the response off', async () => {
    const response = respond(
      function* () {
        yield 'text'
        yield { id: 'job-1', data: { n: 1 } }
        throw new Error('secret')
      },
      { ...quiet, wireContract: 'off' },
    )
    const sink = attach(response)
    await turn()
    expect(sink.text).toBe('data: text\n\nid: job-1\ndata: {"n":1}\n\n')
    expect(sink.ended).toBe('cut')
  })
})

describe('a finite topic whose beginning is gone', () => {
  it.each(['ids-only', 'off'] as const)(
    'is answered 410 where no gap can be told (%s)',
    async (wireContract) => {
      const { hub } = createTestHub({ log: createTestLog({ maxEvents: 2 }) })
      await publishAll(hub, 'answer', '1', '2', '3', '4')
      await hub.end('answer')
      const statusOf = async (options: Partial<SubscribeOptions>): Promise<number> =>
        (await hub.subscribe(new Request('http://localhost/'), { topics: ['answer'], ...options })).status
      expect(await statusOf({ wireContract })).toBe(410)
      expect(await statusOf({ wireContract, words: { gap: () => ({ data: 'gap' }) } })).toBe(200)
      expect(await statusOf({ wireContract: 'full' })).toBe(200)
    },
  )
})

describe('the option words', () => {
  it('replace the events that the hub sends for an end, a failure and a gap', async () => {
    const { hub } = createTestHub({ log: memoryLog({ maxEvents: 2 }), onError: () => undefined })
    await publishAll(hub, 'answer', '1', '2', '3')
    const subscribed = {
      topics: ['answer'],
      lastEventId: 'earliest-0',
      wireContract: 'off',
      words: {
        gap: ({ reason }: { reason: string }) => ({ event: 'lost', data: reason }),
        failure: ({ message }: { message: string }) => ({ data: { type: 'error', message } }),
        end: () => ({ data: '[DONE]' }),
      },
    } as const
    const reader = await subscribe(hub, subscribed)
    await hub.run('answer', () => Promise.reject(new Error('secret')), { errorMessage: 'sorry' })
    await turn()
    await turn()
    expect(reader.events.map(({ event, data }) => [event, data])).toEqual([
      ['lost', 'epoch'],
      ['message', '2'],
      ['message', '3'],
      ['message', '{"type":"error","message":"sorry"}'],
      ['message', '[DONE]'],
    ])
    expect(reader.sink.ended).toBe('close')
  })

  it('that omit an early end make the hub break the transfer off', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    await hub.run('answer', () => Promise.reject(new Error('secret')))
    await turn()
    const reader = await subscribe(hub, { topics: ['answer'], words: { end: () => null } })
    await turn()
    expect(reader.sink.ended).toBe('cut')
  })

  it('that omit a failure make the hub break the transfer off', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    await hub.run('answer', () => Promise.reject(new Error('secret')))
    await turn()
    const endedWith = async (failure: () => { data: string } | null): Promise<unknown> => {
      const options = { topics: ['answer'], wireContract: 'off', words: { failure } } as const
      const { sink } = await subscribe(hub, options)
      await turn()
      return sink.ended
    }
    expect(await endedWith(() => null)).toBe('cut')
    expect(await endedWith(() => ({ data: 'sorry' }))).toBe('close')
  })

  it('that report a failure need not report the end as well', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    await hub.run('answer', () => Promise.reject(new Error('secret')))
    await turn()
    const reader = await subscribe(hub, {
      topics: ['answer'],
      wireContract: 'off',
      words: { failure: () => ({ data: 'sorry' }), end: () => null },
    })
    await turn()
    expect([reader.sink.ended, reader.data]).toEqual(['close', ['sorry']])
  })

  it.each([
    ['words', { end: 'bye' }],
    ['a misspelt word', { ends: () => null }],
    ['no object', 'bye'],
  ])('refuse %s', async (_name, given) => {
    const { hub } = createTestHub()
    const subscribing = hub.subscribe(new Request('http://localhost/'), {
      topics: ['a'],
      words: given as never,
    })
    await expect(subscribing).rejects.toMatchObject({ code: 'invalid-option' })
  })
})

describe('map', () => {
  it('reshapes each event for one subscriber, keeps its id, and skips events mapped to null', async () => {
    const { hub } = createTestHub()
    const map: SubscribeOptions['map'] = ({ topic, data }) =>
      data === '2' ? null : { event: 'mapped', data: { topic, data } }
    const mapped = await subscribe(hub, { topics: ['a'], map })
    const plain = await subscribe(hub, { topics: ['a'] })
    const ids = await publishAll(hub, 'a', '1', '2', '3')
    await turn()
    expect(mapped.events).toEqual([
      { id: ids[0], event: 'mapped', data: '{"topic":"a","data":"1"}' },
      { id: ids[2], event: 'mapped', data: '{"topic":"a","data":"3"}' },
    ])
    expect(plain.data).toEqual(['1', '2', '3'])
  })

  it.each<[string, SubscribeOptions['map']]>([
    [
      'throws',
      () => {
        throw new Error('a bug')
      },
    ],
    ['is asynchronous', (async () => ({ data: '' })) as never],
    ['gives no event', (() => 'text') as never],
    ['gives an event of the hub', () => ({ event: 'stream.end', data: '' })],
  ])('that %s ends the stream, and is reported', async (_name, map) => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const reader = await subscribe(hub, { topics: ['a'], map })
    await publishAll(hub, 'a', '1')
    await turn()
    expect(onError).toHaveBeenCalledOnce()
    expect([reader.data, reader.sink.ended]).toEqual([[], 'close'])
  })
})

it('topicField sends the topic to pattern readers in a field that parsers ignore', async () => {
  const { hub } = createTestHub()
  const reader = await subscribe(hub, { patterns: ['orders.*'], topicField: true })
  const [id] = await publishAll(hub, 'orders.1', 'x')
  await turn()
  expect(reader.sink.text).toContain(`topic: orders.1\nid: ${id}\ndata: x\n\n`)
  expect(reader.events).toEqual([{ id, event: 'message', data: 'x' }])
})

it('onlyWhileRunning answers 204 unless a topic runs', async () => {
  const { hub } = createTestHub()
  const statusOf = async (topic: string): Promise<number> =>
    (await hub.subscribe(new Request('http://localhost/'), { topics: [topic], onlyWhileRunning: true }))
      .status
  expect(await statusOf('answer')).toBe(204)
  await runForEver(hub, 'answer')
  expect([await statusOf('answer'), await statusOf('other')]).toEqual([200, 204])
  await hub.cancel('answer')
  await turn()
  expect(await statusOf('answer')).toBe(204)
})

it('onlyWhileRunning answers 204 in place of 410: when the time of its topic is over', async () => {
  const { hub, runtime } = createTestHub()
  await hub.run('answer', words, { ttlMs: 1000 })
  await turn()
  await elapse(runtime.clock, 1001)
  const statusOf = async (options: Partial<SubscribeOptions>): Promise<number> =>
    (await hub.subscribe(new Request('http://localhost/'), { topics: ['answer'], ...options })).status
  expect([await statusOf({}), await statusOf({ onlyWhileRunning: true })]).toEqual([410, 204])
})

it('onlyWhileRunning answers 204 in place of 410: when the beginning of the running topic is gone', async () => {
  const log = memoryLog()
  const { hub } = createTestHub({
    log: {
      ...delegateTo(log),
      read: async (...args) => ({ ...(await log.read(...args)), evictedUpTo: 1 }),
    },
  })
  await runForEver(hub, 'answer')
  const statusOf = async (onlyWhileRunning: boolean): Promise<number> =>
    (
      await hub.subscribe(new Request('http://localhost/'), {
        topics: ['answer'],
        wireContract: 'ids-only',
        onlyWhileRunning,
      })
    ).status
  expect([await statusOf(false), await statusOf(true)]).toEqual([410, 204])
})

describe('first', () => {
  it('comes before live events without loss or repeat, and is sent again only without a position', async () => {
    const { hub } = createTestHub()
    let count = 0
    const made = Promise.withResolvers<void>()
    const first: SubscribeOptions['first'] = async function* ({ position }) {
      count += 1
      yield { event: 'snapshot', data: position }
      await made.promise
      yield { event: 'snapshot', data: 'rest' }
    }
    const [before] = await publishAll(hub, 'a', 'old')
    const reader = await subscribe(hub, { topics: ['a'], first })
    await turn()
    await publishAll(hub, 'a', 'beside')
    await turn()
    expect(reader.events.map(({ id }) => id)).toEqual([undefined])
    expect(reader.ids).toEqual([])
    made.resolve()
    await turn()
    await publishAll(hub, 'a', 'live')
    await turn()
    expect(reader.data).toEqual([before, 'rest', 'beside', 'live'])
    expect(reader.ids[0]).toBe(before)
    const again = await subscribe(hub, { topics: ['a'], first, lastEventId: reader.ids.at(-1) })
    await publishAll(hub, 'a', 'more')
    await turn()
    expect([count, again.data]).toEqual([1, ['more']])
  })

  it('comes again after a gap, which is announced', async () => {
    const { hub } = createTestHub({ log: memoryLog({ maxEvents: 3 }) })
    const first = (): readonly { data: string }[] => [{ data: 'snapshot' }]
    const [old] = await publishAll(hub, 'a', '1', '2', '3', '4', '5', '6')
    const stale = await subscribe(hub, { topics: ['a'], first, lastEventId: old })
    const lost = await subscribe(hub, { topics: ['a'], first, lastEventId: 'other-7' })
    await turn()
    await publishAll(hub, 'a', 'live')
    await turn()
    for (const reader of [stale, lost]) {
      expect(reader.gaps).toHaveLength(1)
      expect(reader.data).toEqual(['snapshot', 'live'])
    }
  })

  it('that fails ends the stream, and is reported', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const reader = await subscribe(hub, {
      topics: ['a'],
      first: () => Promise.reject(new Error('no database')),
    })
    await turn()
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ message: 'no database' }))
    expect(reader.sink.ended).toBe('close')
  })

  it('gets a signal that aborts when the client leaves', async () => {
    const { hub } = createTestHub()
    let aborted = false
    const reader = await subscribe(hub, {
      topics: ['a'],
      async *first({ signal }) {
        yield { data: 'x' }
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve)
        })
        aborted = true
      },
    })
    await turn()
    reader.sink.leave()
    await turn()
    expect(aborted).toBe(true)
  })
})

describe('respond, when its source fails', () => {
  const failing = function* (): Generator<{ data: string }> {
    yield { data: '1' }
    throw new Error('secret')
  }

  it.each<[string, RespondOptions['sourceFailure'], string, string]>([
    ['announces it, unless it is said otherwise', undefined, failed, 'close'],
    ['announces it', 'announce', failed, 'close'],
    ['ends as if all were well', 'end', '', 'close'],
    ['breaks the transfer off', 'break', '', 'cut'],
    [
      'says it in words of its own',
      (error) => ({ event: 'oops', data: (error as Error).message.length }),
      'event: oops\ndata: 6\n\n',
      'close',
    ],
    ['breaks the transfer off if the function returns null', () => null, '', 'cut'],
    [
      'breaks the transfer off if the function throws',
      () => {
        throw new Error('worse')
      },
      '',
      'cut',
    ],
  ])('%s', async (_name, sourceFailure, said, ended) => {
    const sink = attach(respond(failing, { ...quiet, sourceFailure }))
    await turn()
    expect([sink.text, sink.ended]).toEqual([`${mark}data: 1\n\n${said}`, ended])
  })

  it('does so also behind respondOnFirstEvent', async () => {
    const response = await respondOnFirstEvent(failing, { ...quiet, sourceFailure: 'break' })
    const sink = attach(response)
    await turn()
    expect([sink.text, sink.ended]).toEqual([`${mark}data: 1\n\n`, 'cut'])
  })

  it('breaks a body off after its reader has received everything before the failure', async () => {
    const reader = respondRaw(failingPieces(), quiet).body?.getReader()
    const { value } = (await reader?.read()) ?? {}
    expect(new TextDecoder().decode(value)).toBe('data: 1\n\n')
    await expect(reader?.read()).rejects.toThrow('broken off')
  })

  it('refuses an unknown choice', () => {
    expect(() => respond([], { sourceFailure: 'tell' as never })).toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'sourceFailure' }),
    )
  })
})

function* failingPieces(): Generator<string> {
  yield 'data: 1\n\n'
  throw new Error('secret')
}

describe('respond, when it is ended from outside', () => {
  const waiting = async function* (): AsyncGenerator<string> {
    yield '1'
    await new Promise(() => {})
  }

  it.each(['signal', 'server'])('breaks a sequence off, and ends a pushed stream (%s)', async (by) => {
    const aborter = new AbortController()
    const options = { ...quiet, signal: aborter.signal }
    const sinks = [
      attach(respond(waiting, options)),
      attach(respondRaw(waiting, options)),
      attach(respond((stream) => void stream.send({ data: '1' }), options)),
    ]
    await turn()
    if (by === 'signal') aborter.abort()
    else for (const sink of sinks) sink.stop()
    await turn()
    expect(sinks.map(({ ended }) => ended)).toEqual(['cut', 'cut', 'close'])
  })
})
