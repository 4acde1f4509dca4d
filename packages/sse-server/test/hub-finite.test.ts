import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { memoryLog } from '@sse-toolkit/sse-server'
import type {
  Hub,
  HubEvent,
  HubOptions,
  Producer,
  StandardSchema,
  SubscribeOptions,
} from '@sse-toolkit/sse-server'
import { createTestHub, publishAll, subscribe } from './hub-readers.ts'
import type { Reader } from './hub-readers.ts'
import { attach, RecordingSink } from './recording-sink.ts'
import { createTestLog, elapse } from './test-logs.ts'
import { turn } from './virtual-runtime.ts'

const words = ['It', ' depends', ' on', ' the', ' weather.']

interface Writer {
  runs: number
  finished: number
  readonly step: () => void
  readonly producer: Producer
}

/** A producer whose words come when the test says. */
function createWriter(): Writer {
  const steps: (() => void)[] = []
  const writer: Writer = {
    runs: 0,
    finished: 0,
    step: () => steps.shift()?.(),
    producer: async function* ({
      signal,
    }: {
      readonly signal: AbortSignal
    }): AsyncGenerator<HubEvent | string> {
      writer.runs += 1
      try {
        for (const word of words) {
          await new Promise<void>((resolve, reject) => {
            steps.push(resolve)
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
          })
          yield word
        }
      } finally {
        writer.finished += 1
      }
    },
  }
  return writer
}

function textOf(reader: Reader): string {
  return reader.events
    .filter(({ event }) => event === 'message')
    .map(({ data }) => data)
    .join('')
}

function endOf(reader: Reader): unknown {
  const last = reader.events.at(-1)
  return last?.event === 'stream.end' ? JSON.parse(last.data) : undefined
}

async function statusOf(hub: Hub, options: Partial<SubscribeOptions> = {}): Promise<number> {
  return (await hub.subscribe(new Request('http://localhost/'), { topics: ['answer'], ...options })).status
}

describe('run', () => {
  it('runs once, however many readers come and go, and every reader gets the whole', async () => {
    const writer = createWriter()
    const { hub } = createTestHub()
    const run = await hub.run('answer', writer.producer)
    if (!run.started) throw new Error('it was not started')
    const early = await subscribe(hub, { topics: ['answer'] })
    const leaving = await subscribe(hub, { topics: ['answer'] })
    await turn()
    writer.step()
    await turn()
    leaving.sink.leave()
    writer.step()
    await turn()
    const joining = await subscribe(hub, { topics: ['answer'] })
    const returning = await subscribe(hub, { topics: ['answer'], lastEventId: leaving.ids.at(-1) })
    for (let n = 0; n < 5; n += 1) {
      writer.step()
      await turn()
    }
    await expect(run.finished).resolves.toBe('completed')
    await turn()
    expect([early, joining].map(textOf)).toEqual([words.join(''), words.join('')])
    expect(textOf(leaving) + textOf(returning)).toBe(words.join(''))
    expect([early, joining, returning].map(endOf)).toEqual(
      [1, 2, 3].map(() => ({ topic: 'answer', reason: 'completed' })),
    )
    expect([early, joining, returning].map(({ sink }) => sink.ended)).toEqual(['close', 'close', 'close'])
    expect([early, joining, returning].flatMap(({ gaps }) => gaps)).toEqual([])
    expect([writer.runs, writer.finished]).toEqual([1, 1])
  })

  it('does not start a topic that was ever claimed, and says why', async () => {
    const writer = createWriter()
    const { hub, runtime } = createTestHub()
    const runs = await Promise.all([1, 2, 3].map(() => hub.run('answer', writer.producer, { ttlMs: 1000 })))
    expect(runs.map((run) => (run.started ? 'started' : run.state))).toEqual([
      'started',
      'running',
      'running',
    ])
    for (let n = 0; n < 6; n += 1) {
      await turn()
      writer.step()
    }
    await turn()
    expect(await hub.run('answer', writer.producer)).toEqual({ started: false, state: 'ended' })
    await elapse(runtime.clock, 1000)
    expect(await hub.run('answer', writer.producer)).toEqual({ started: false, state: 'expired' })
    expect(writer.runs).toBe(1)
  })

  it.each([
    ['a string', 'word'],
    ['an event', { data: 'word' }],
    ['a promise', Promise.resolve(words)],
    ['nothing', undefined],
  ])('refuses %s as a producer, and the topic can still be run', async (_name, producer) => {
    const { hub } = createTestHub()
    await expect(hub.run('answer', producer as never)).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'producer' }),
    )
    expect(await hub.topicState('answer')).toBe('open')
  })

  it('takes a function that promises a sequence', async () => {
    const { hub } = createTestHub()
    const run = await hub.run('answer', async () => words)
    const reader = await subscribe(hub, { topics: ['answer'] })
    await expect(run.started && run.finished).resolves.toBe('completed')
    await turn()
    expect(textOf(reader)).toBe(words.join(''))
  })

  it('a function whose promise resolves to something other than a sequence fails the topic', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const run = await hub.run('answer', (async () => 'word') as never)
    await expect(run.started && run.finished).resolves.toBe('failed')
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ option: 'producer' }))
  })

  it('a reader that subscribed before the run began gets it, too', async () => {
    const { hub } = createTestHub()
    const reader = await subscribe(hub, { topics: ['answer'] })
    await hub.run('answer', words)
    await turn()
    expect(textOf(reader)).toBe(words.join(''))
    expect(reader.sink.ended).toBe('close')
  })

  it('answers 204 to a client that has read to the end, and 410 when the topic has expired', async () => {
    const { hub, runtime } = createTestHub()
    const run = await hub.run('answer', words, { ttlMs: 1000 })
    if (run.started) await run.finished
    const reader = await subscribe(hub, { topics: ['answer'] })
    await turn()
    expect(await statusOf(hub, { lastEventId: reader.ids.at(-1) })).toBe(204)
    expect(await statusOf(hub, { lastEventId: reader.ids.at(-2) })).toBe(200)
    await elapse(runtime.clock, 1000)
    expect(await statusOf(hub)).toBe(410)
    expect(await statusOf(hub, { lastEventId: reader.ids.at(-1) })).toBe(410)
    expect(hub.stats().refused).toMatchObject({ 204: 1, 410: 2 })
  })

  it('a producer that fails ends the topic, and readers get no details of the error', async () => {
    const failure = new Error('secret')
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const run = await hub.run('answer', failing(failure))
    const reader = await subscribe(hub, { topics: ['answer'] })
    if (!run.started) throw new Error('it was not started')
    await expect(run.finished).resolves.toBe('failed')
    await turn()
    expect(reader.events.map(({ event, data }) => [event, data])).toEqual([
      ['message', 'It'],
      ['stream.error', '{"topic":"answer","message":"The producer failed"}'],
      ['stream.end', '{"topic":"answer","reason":"failed"}'],
    ])
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
  })

  it('a function may turn the error into the text for readers', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    const run = await hub.run('answer', failing(new RangeError('secret')), {
      errorMessage: (error) => (error as Error).name,
    })
    await (run.started && run.finished)
    const reader = await subscribe(hub, { topics: ['answer'] })
    await turn()
    expect(reader.events.find(({ event }) => event === 'stream.error')?.data).toContain(
      '"message":"RangeError"',
    )
  })

  it.each<[string, Producer]>([
    ['what cannot be published', [{ event: 'stream.gap', data: '' }]],
    ['no sequence', (() => 7) as unknown as Producer],
    [
      'an error at once',
      () => {
        throw new Error('at once')
      },
    ],
  ])('a producer that gives %s fails', async (_name, producer) => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const run = await hub.run('answer', producer)
    await expect(run.started && run.finished).resolves.toBe('failed')
    expect(onError).toHaveBeenCalledOnce()
    expect(await hub.topicState('answer')).toBe('ended')
  })

  function failing(error: Error): Producer {
    return async function* () {
      yield 'It'
      await turn()
      throw error
    }
  }
})

describe('cancel', () => {
  it('stops the producer, and ends the topic for its readers', async () => {
    const writer = createWriter()
    const { hub } = createTestHub()
    const run = await hub.run('answer', writer.producer)
    const reader = await subscribe(hub, { topics: ['answer'] })
    await turn()
    writer.step()
    await turn()
    expect(await hub.cancel('answer')).toBe(true)
    await expect(run.started && run.finished).resolves.toBe('cancelled')
    await turn()
    expect([textOf(reader), endOf(reader)]).toEqual(['It', { topic: 'answer', reason: 'cancelled' }])
    expect(writer.finished).toBe(1)
    expect(await hub.cancel('answer')).toBe(false)
    expect(await hub.cancel('never')).toBe(false)
  })

  it('does not wait for a producer that ignores its signal', async () => {
    const { hub } = createTestHub()
    const run = await hub.run('answer', {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    })
    await turn()
    await hub.cancel('answer')
    await expect(run.started && run.finished).resolves.toBe('cancelled')
    expect(hub.stats().running).toBe(0)
  })

  it('does not wait for a sequence that is still to come, and ends it when it comes', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const coming = Promise.withResolvers<Iterable<string>>()
    const run = await hub.run('answer', () => coming.promise)
    await hub.cancel('answer')
    await expect(run.started && run.finished).resolves.toBe('cancelled')
    const late = {
      next: () => ({ done: true, value: undefined }) as const,
      return: vi.fn<Required<Iterator<string>>['return']>(),
    }
    coming.resolve({ [Symbol.iterator]: () => late })
    await turn()
    expect(late.return).toHaveBeenCalledOnce()
    expect(onError).not.toHaveBeenCalled()
  })

  it('does not report a source promise that rejects after cancel', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const run = await hub.run(
      'answer',
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        }),
    )
    await hub.cancel('answer')
    await expect(run.started && run.finished).resolves.toBe('cancelled')
    await turn()
    expect(onError).not.toHaveBeenCalled()
  })
})

describe('end', () => {
  it('permanently ends a topic that others publish to', async () => {
    const { hub } = createTestHub()
    const reader = await subscribe(hub, { topics: ['job'] })
    await publishAll(hub, 'job', '50 %', '100 %')
    expect(await hub.end('job')).toBe(true)
    expect(await hub.end('job')).toBe(false)
    await turn()
    expect([reader.events.map(({ event }) => event), reader.sink.ended]).toEqual([
      ['message', 'message', 'stream.end'],
      'close',
    ])
    await expect(hub.publish('job', { data: '' })).rejects.toThrow(
      expect.objectContaining({ code: 'topic-ended' }),
    )
  })

  it('of one topic among several is sent when the last topic has ended', async () => {
    const { hub } = createTestHub()
    const both = await subscribe(hub, { topics: ['first', 'second'] })
    await hub.end('first')
    await publishAll(hub, 'second', 'still here')
    await turn()
    expect([both.data, both.sink.ended]).toEqual([['still here'], undefined])
    const late = await subscribe(hub, { topics: ['first', 'second'] })
    await hub.end('second')
    await turn()
    expect(both.events.at(-1)).toMatchObject({ event: 'stream.end', data: expect.stringContaining('second') })
    expect([both.sink.ended, late.sink.ended]).toEqual(['close', 'close'])
  })

  it("does not take the place of the last state of a slow reader under 'latest'", async () => {
    const { hub } = createTestHub({ slowConsumer: 'latest' })
    const sink = new RecordingSink()
    const reader = await subscribe(hub, { topics: ['job'] }, sink)
    await turn()
    sink.reading = false
    await publishAll(hub, 'job', '1 %')
    await turn()
    await publishAll(hub, 'job', '50 %', '100 %')
    await hub.end('job')
    sink.resume()
    await turn()
    expect(reader.events.map(({ event, data }) => (event === 'message' ? data : event))).toEqual([
      '1 %',
      '100 %',
      'stream.end',
    ])
  })

  it('does not end a reader of patterns, since another topic may still appear', async () => {
    const { hub } = createTestHub()
    const reader = await subscribe(hub, { patterns: ['jobs.*'] })
    await publishAll(hub, 'jobs.1', 'x')
    await hub.end('jobs.1')
    await publishAll(hub, 'jobs.2', 'y')
    await turn()
    expect([reader.data, reader.sink.ended]).toEqual([['x', 'y'], undefined])
  })
})

describe("for clients that take every event for one of the application (wireContract: 'ids-only')", () => {
  it('the end is the end of the response, and a failure breaks it off', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    await hub.run('answer', async function* () {
      yield 'It'
      throw new Error('secret')
    })
    await hub.run('other', words)
    const reader = await subscribe(hub, { topics: ['answer'], wireContract: 'ids-only' })
    const other = await subscribe(hub, { topics: ['other'], wireContract: 'ids-only' })
    await turn()
    expect(reader.events.map(({ event, data }) => [event, data])).toEqual([['message', 'It']])
    expect([reader.sink.ended, other.sink.ended]).toEqual(['cut', 'close'])
  })

  it('a gap moves the position, and is not announced', async () => {
    const { hub } = createTestHub()
    const [id] = await publishAll(hub, 'news', '1')
    const reader = await subscribe(hub, {
      topics: ['news'],
      wireContract: 'ids-only',
      lastEventId: 'other-7',
    })
    await turn()
    expect(reader.events.map(({ data }) => data)).toEqual(['1'])
    expect(reader.ids).toEqual([id?.replace(/-1$/, '-0'), id])
  })
})

describe('closing the hub', () => {
  it('interrupts running topics, and resolves', async () => {
    const writer = createWriter()
    const { hub, runtime } = createTestHub()
    const run = await hub.run('answer', writer.producer)
    await turn()
    await hub.close()
    await expect(run.started && run.finished).resolves.toBe('interrupted')
    await expect(hub.run('other', words)).rejects.toThrow(expect.objectContaining({ code: 'hub-closed' }))
    expect(runtime.clock.pendingTimers).toBe(0)
  })
})

describe('topics with schemas', () => {
  const text: StandardSchema<string> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        typeof value === 'string' ? { value } : { issues: [{ message: 'must be text' }] },
    },
  }
  const topics = { 'rooms.*': { said: text }, news: { message: text } } satisfies HubOptions['topics']

  it('type published data, and check it if validate is set', async () => {
    const { hub } = createTestHub({ topics, validate: 'on-publish' })
    const reader = await subscribe(hub, { patterns: ['>'] })
    await hub.publish('rooms.1', { event: 'said', data: 'hello' })
    await hub.publish('news', { data: 'today' })
    // @ts-expect-error -- not what the schema accepts
    await expect(hub.publish('rooms.1', { event: 'said', data: 7 })).rejects.toThrow('must be text')
    // @ts-expect-error -- no such type there
    await expect(hub.publish('news', { event: 'said', data: '' })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-event' }),
    )
    await turn()
    expect(reader.data).toEqual(['hello', 'today'])
  })

  it('publishMany keeps the order, and checks all before it stores the first', async () => {
    const { hub } = createTestHub()
    const ids = await hub.publishMany([
      ['a', { data: '1' }],
      ['b', { data: '2' }],
    ])
    expect(ids).toHaveLength(2)
    await expect(
      hub.publishMany([
        ['a', { data: '3' }],
        ['a b', { data: '4' }],
      ]),
    ).rejects.toThrow(expect.objectContaining({ code: 'invalid-topic' }))
    const reader = await subscribe(hub, { lastEventId: 'earliest' })
    await turn()
    expect(reader.data).toEqual(['1', '2'])
  })
})

describe('a topic that others push out of the log', () => {
  it('can be read from its beginning to its end, until its time is over', async () => {
    const { hub } = createTestHub({ log: createTestLog({ maxEvents: 10 }) })
    const early = await subscribe(hub, { topics: ['answer'] })
    const run = await hub.run('answer', words)
    if (run.started) await run.finished
    await publishAll(hub, 'other', ...Array.from({ length: 50 }, String))
    const reader = await subscribe(hub, { topics: ['answer'] })
    await turn()
    expect(reader.events.at(-1)?.event).toBe('stream.end')
    expect(reader.events).toEqual(early.events)
    expect(reader.sink.ended).toBe('close')
    expect(await statusOf(hub, { lastEventId: reader.ids.at(-1) })).toBe(204)
  })

  it('is a gap for a reader of a pattern', async () => {
    const { hub } = createTestHub({ log: createTestLog({ maxEvents: 10 }) })
    const [before] = await publishAll(hub, 'other', 'x')
    const run = await hub.run('answer', words)
    if (run.started) await run.finished
    await publishAll(hub, 'other', ...Array.from({ length: 50 }, String))
    const reader = await subscribe(hub, { patterns: ['*'], lastEventId: before })
    await turn()
    expect(reader.gaps[0]?.reason).toBe('evicted')
  })

  it('fails at its limit: readers get the failure, and the producer gets the reason', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ log: memoryLog({ maxHeldBytesPerTopic: 1000 }), onError })
    const run = await hub.run('answer', function* () {
      for (;;) yield 'x'.repeat(100)
    })
    expect(run.started && (await run.finished)).toBe('failed')
    expect(onError).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'topic-full', option: 'maxHeldBytesPerTopic', limit: 1000 }),
    )
    const reader = await subscribe(hub, { topics: ['answer'] })
    await turn()
    expect(reader.events.slice(-2).map(({ event }) => event)).toEqual(['stream.error', 'stream.end'])
  })

  it('ends a reader whose topic expired before the reader got there', async () => {
    const { hub, runtime } = createTestHub()
    const run = await hub.run('answer', words, { ttlMs: 1000 })
    if (run.started) await run.finished
    const response = await hub.subscribe(new Request('http://localhost/'), { topics: ['answer'] })
    await elapse(runtime.clock, 1000)
    const sink = attach(response)
    await turn()
    expect(sink.text).toContain('stream.gap')
    expect(sink.ended).toBe('close')
    expect(await statusOf(hub)).toBe(410)
  })
})

describe('a producer that never waits', () => {
  it.each<[string, () => Iterable<string> | AsyncIterable<string>]>([
    [
      'a generator',
      function* () {
        for (let n = 0; n < 100_000; n += 1) yield String(n)
      },
    ],
    [
      'an async generator',
      async function* () {
        for (let n = 0; n < 100_000; n += 1) yield String(n)
      },
    ],
  ])('%s lets the event loop turn, and can be stopped', async (_name, source) => {
    const { hub } = createTestHub()
    const run = await hub.run('busy', source)
    for (let n = 0; n < 3; n += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    await hub.cancel('busy')
    expect(run.started && (await run.finished)).toBe('cancelled')
    expect(hub.stats().published).toBeLessThan(10_000)
  })
})

it('a run does not keep its published events in memory', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const { hub } = createTestHub({ log: createTestLog({ maxEvents: 10 }) })
  const published: WeakRef<object>[] = []
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  const run = await hub.run('long', async function* () {
    for (let n = 0; n < 1000; n += 1) {
      const data = { n }
      published.push(new WeakRef(data))
      yield { data }
    }
    reached.resolve()
    await gate.promise
  })
  await reached.promise
  await turn()
  collectGarbage()
  expect(published.filter((each) => each.deref() !== undefined).length).toBeLessThan(50)
  gate.resolve()
  expect(run.started && (await run.finished)).toBe('completed')
})
