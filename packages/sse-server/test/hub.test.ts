import { createLedger } from '@sse-toolkit/testing'
import { createSeededRandom, patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { createHub, memoryLog, parseEventId } from '@sse-toolkit/sse-server'
import type { EventLog, LogEntry, LogPage, Position, SubscribeOptions } from '@sse-toolkit/sse-server'
import { createTestHub, delegateTo, publishAll, subscribe } from './hub-readers.ts'
import type { Reader } from './hub-readers.ts'
import { attach, RecordingSink } from './recording-sink.ts'
import { createTestLog } from './test-logs.ts'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

describe('publish and subscribe', () => {
  it('gives each body its own chunks: transferring one affects no other reader', async () => {
    const { hub } = createTestHub()
    const readers = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const response = await hub.subscribe(new Request('http://localhost/'), { topics: ['a'] })
        if (response.body === null) throw new TypeError('There is no body')
        const reader = response.body.getReader()
        await reader.read()
        return reader
      }),
    )
    const reads = readers.map((reader) => reader.read())
    await hub.publish('a', { data: 'shared' })
    const chunks = (await Promise.all(reads)).map(({ value }) => value ?? new Uint8Array())
    structuredClone(chunks[0], { transfer: [chunks[0]?.buffer as ArrayBuffer] })
    const texts = chunks.map((chunk) => new TextDecoder().decode(chunk))
    expect(texts).toEqual(['', expect.stringContaining('shared'), expect.stringContaining('shared')])
    await Promise.all(readers.map((reader) => reader.cancel()))
  })

  it('delivers an event to the subscribers whose topics match, with its id', async () => {
    const { hub } = createTestHub()
    const exact = await subscribe(hub, { topics: ['orders.42'] })
    const pattern = await subscribe(hub, { topics: ['orders.42'], patterns: ['orders.*', 'orders.>'] })
    const other = await subscribe(hub, { topics: ['orders.43'], patterns: ['news.>'] })
    const { id } = await hub.publish('orders.42', { event: 'paid', data: { total: 12 } })
    await turn()
    const event = { id, event: 'paid', data: '{"total":12}' }
    expect([exact.events, pattern.events, other.events]).toEqual([[event], [event], []])
  })

  it('formats an event once, and writes the same bytes to all connections', async () => {
    const { hub } = createTestHub()
    const readers = await Promise.all([1, 2, 3].map(() => subscribe(hub)))
    await turn()
    await publishAll(hub, 'a', '1', '2')
    await turn()
    const [first, ...others] = readers.map(({ sink }) => sink.writes.at(-1))
    for (const other of others) expect(other).toBe(first)
  })

  it('begins with a block that has the position and no event', async () => {
    const { hub } = createTestHub({ heartbeatIntervalMs: 15_000, reconnectionTimeMs: 1000 })
    const [id] = await publishAll(hub, 'a', '1')
    const reader = await subscribe(hub)
    await turn()
    expect(reader.sink.text).toBe(`: sse-toolkit 1\n: heartbeat 16000\nid: ${id}\nretry: 1000\n\n`)
  })

  it('loses nothing that is published between the answer and its body', async () => {
    const { hub } = createTestHub()
    const response = await hub.subscribe(new Request('http://localhost/'), { topics: ['a'] })
    await publishAll(hub, 'a', '1', '2')
    const sink = attach(response)
    await publishAll(hub, 'a', '3')
    await turn()
    expect(sink.text.match(/data: \d/g)).toEqual(['data: 1', 'data: 2', 'data: 3'])
  })

  it('gives each connection the events that pass its filter, in replay too', async () => {
    const { hub } = createTestHub()
    await publishAll(hub, 'a', '1', '2')
    const reader = await subscribe(hub, {
      filter: ({ data }) => Number(data) % 2 === 0,
      lastEventId: 'earliest',
    })
    await publishAll(hub, 'a', '3', '4')
    await turn()
    expect(reader.data).toEqual(['2', '4'])
  })

  it('closes a connection whose filter throws, and no other', async () => {
    const failure = new Error('filter')
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const filter = (): never => {
      throw failure
    }
    const [failing, fine] = [await subscribe(hub, { filter }), await subscribe(hub)]
    await publishAll(hub, 'a', '1')
    await turn()
    expect(failing.sink.ended).toBe('close')
    expect(fine.data).toEqual(['1'])
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
    expect(hub.stats().closed.error).toBe(1)
  })

  it('closes an output that throws, and the others get the event', async () => {
    const onError = vi.fn<(error: unknown) => void>(() => {
      throw new Error('listener')
    })
    const consoleError = vi.spyOn(console, 'error').mockReturnValue()
    const { hub } = createTestHub({ onError })
    const failure = new Error('output')
    const sink = new RecordingSink()
    await subscribe(hub, {}, sink)
    const fine = await subscribe(hub)
    await turn()
    sink.write = () => {
      throw failure
    }
    await publishAll(hub, 'a', '1')
    await turn()
    expect(fine.data).toEqual(['1'])
    expect(sink.ended).toBe('abort')
    expect(hub.stats()).toMatchObject({ connections: 1, closed: { error: 1 } })
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
    expect(consoleError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'listener' }))
    consoleError.mockRestore()
  })

  it('reports a log entry that cannot be formatted, and delivers the next', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const log = createTestLog()
    const { hub } = createTestHub({ log, onError })
    const reader = await subscribe(hub)
    // Another process, with other rules, on the same log.
    await log.append({ topic: 'a', event: 'two\nlines', data: '', key: undefined })
    await publishAll(hub, 'a', '1')
    await turn()
    expect(reader.data).toEqual(['1'])
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'invalid-event' }))
    const late = await subscribe(hub, { lastEventId: 'earliest' })
    await turn()
    expect(late.data).toEqual(['1'])
  })

  it.each<[string, string, Record<string, unknown>, string]>([
    ['a topic with a space', 'a b', { data: '' }, 'invalid-topic'],
    ['a pattern as topic', 'a.*', { data: '' }, 'invalid-topic'],
    ['a topic that is too long', 'x'.repeat(256), { data: '' }, 'invalid-topic'],
    ['a type of its own', 'a', { event: 'stream.gap', data: '' }, 'reserved-event'],
    ['a type with a line break', 'a', { event: 'a\nb', data: '' }, 'invalid-event'],
    ['data that JSON cannot express', 'a', { data: 1n }, 'invalid-data'],
    ['no data', 'a', { event: 'a' }, 'invalid-data'],
    ['data of more bytes than maxEventBytes', 'a', { data: 'é'.repeat(600) }, 'event-too-large'],
    ['data of more code units than maxEventBytes', 'a', { data: 'e'.repeat(2000) }, 'event-too-large'],
  ])('refuses to publish %s', async (_name, topic, event, code) => {
    const { hub } = createTestHub({ maxEventBytes: 1000 })
    await expect(hub.publish(topic, event as { data: unknown })).rejects.toThrow(
      expect.objectContaining({ code }),
    )
    expect((await subscribe(hub, { lastEventId: 'earliest' })).data).toEqual([])
  })

  it('accepts data of exactly maxEventBytes', async () => {
    const { hub } = createTestHub({ maxEventBytes: 1000 })
    await expect(hub.publish('a', { data: 'é'.repeat(500) })).resolves.toHaveProperty('id')
  })

  it.each<[string, unknown]>([
    ['topics', 'a'],
    ['topics', null],
    ['patterns', 'a.*'],
    ['identity', 7],
  ])('rejects the option %s: %j, which only the program can have passed', async (option, value) => {
    const { hub } = createTestHub()
    const subscribed = hub.subscribe(new Request('http://localhost/'), { topics: ['a'], [option]: value })
    await expect(subscribed).rejects.toThrow(expect.objectContaining({ code: 'invalid-option', option }))
  })

  it.each<[string, SubscribeOptions]>([
    ['no topic', {}],
    ['an empty list of topics', { topics: [], patterns: [] }],
    ['65 topics', { topics: Array.from({ length: 65 }, (_, n) => `t${n}`) }],
    ['64 topics and a pattern', { topics: Array.from({ length: 64 }, (_, n) => `t${n}`), patterns: ['>'] }],
    ['a topic with a space', { topics: ['a b'] }],
    ['a topic that ends with a dot', { topics: ['a', '42.'] }],
    ['an empty topic', { topics: [''] }],
    ['a topic of 256 characters', { topics: ['x'.repeat(256)] }],
    ['a pattern of 256 characters', { patterns: ['x'.repeat(254) + '.>'] }],
    ['a topic with a lone surrogate', { topics: ['user.mallory\udc01'] }],
    ['a topic that is not a string', { topics: [undefined as unknown as string] }],
    ['a wildcard among the topics', { topics: ['orders.*'] }],
    ["a last '>' among the topics", { topics: ['orders.>'] }],
    ['a pattern with a wildcard within a token', { patterns: ['orders.a*'] }],
  ])('answers 400 to a subscription to %s, and reports it once', async (_name, options) => {
    const errors: unknown[] = []
    const { hub } = createTestHub({ onError: (error) => errors.push(error) })
    for (let n = 0; n < 3; n += 1) {
      expect((await hub.subscribe(new Request('http://localhost/'), options)).status).toBe(400)
    }
    expect(hub.stats()).toMatchObject({ connections: 0, refused: { 400: 3 } })
    expect(errors).toHaveLength(1)
  })

  it('suggests the option `patterns` to a program that passes a wildcard in `topics`', async () => {
    const errors: unknown[] = []
    const { hub } = createTestHub({ onError: (error) => errors.push(error) })
    await hub.subscribe(new Request('http://localhost/'), { topics: ['a b'] })
    await hub.subscribe(new Request('http://localhost/'), { topics: ['orders.>'] })
    expect(errors).toMatchObject([
      { code: 'invalid-topic' },
      { code: 'invalid-option', option: 'topics', message: expect.stringContaining('option patterns') },
    ])
  })

  it.each(['a b', 'x.*', 'user.mallory\ud800'])(
    'refuses to end, run, cancel or look up %j',
    async (topic) => {
      const { hub } = createTestHub()
      for (const call of [
        hub.end(topic),
        hub.run(topic, ['x']),
        hub.cancel(topic),
        hub.topicState(topic),
        hub.publish(topic, { data: 'x' }),
      ]) {
        await expect(call).rejects.toThrow(expect.objectContaining({ code: 'invalid-topic', status: 400 }))
      }
    },
  )

  it.each(['k\ud800', 7])('refuses to publish under the key %j', async (key) => {
    const { hub } = createTestHub()
    await expect(hub.publish('a', { data: 'x' }, { key: key as string })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'key' }),
    )
  })

  it.each([
    ['a request of node:http', { headers: {}, url: '/' }],
    ['no request', undefined],
  ])('refuses to answer %s', async (_name, request) => {
    const { hub } = createTestHub()
    await expect(hub.subscribe(request as never, { topics: ['a'] })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'request' }),
    )
  })
})

describe('resuming', () => {
  it('an empty lastEventId asks for nothing', async () => {
    const { hub } = createTestHub()
    await publishAll(hub, 'a', 'before')
    const reader = await subscribe(hub, { lastEventId: '' })
    await publishAll(hub, 'a', 'after')
    await turn()
    expect([reader.gaps, reader.data]).toEqual([[], ['after']])
  })

  it('resumes after the requested id, and repeats nothing', async () => {
    const { hub } = createTestHub()
    const ids = await publishAll(hub, 'a', '1', '2', '3', '4')
    const reader = await subscribe(hub, { lastEventId: ids[1] })
    await turn()
    await publishAll(hub, 'a', '5')
    await turn()
    expect(reader.data).toEqual(['3', '4', '5'])
    expect(reader.ids[0]).toBe(ids[1])
    expect(reader.gaps).toEqual([])
  })

  it('has one position for all topics', async () => {
    const { hub } = createTestHub()
    await publishAll(hub, 'a', 'a1')
    const [id] = await publishAll(hub, 'b', 'b1')
    await publishAll(hub, 'a', 'a2')
    await publishAll(hub, 'c', 'c1')
    await publishAll(hub, 'b', 'b2')
    const reader = await subscribe(hub, { topics: ['a', 'b'], lastEventId: id })
    await turn()
    expect(reader.data).toEqual(['a2', 'b2'])
  })

  it('from earliest gives every event in the log, and announces no gap', async () => {
    const { hub } = createTestHub()
    await publishAll(hub, 'a', '1', '2')
    const reader = await subscribe(hub, { lastEventId: 'earliest' })
    await turn()
    expect([reader.data, reader.gaps]).toEqual([['1', '2'], []])
  })

  it('from earliest announces as a gap only events evicted during the replay, not before', async () => {
    const { hub } = createTestHub({ log: createTestLog({ maxEvents: 300 }) })
    await publishAll(hub, 'a', ...Array.from({ length: 310 }, (_, n) => `${n} ${'x'.repeat(1000)}`))
    const sink = new RecordingSink()
    sink.reading = false
    const reader = await subscribe(hub, { lastEventId: 'earliest' }, sink)
    await turn()
    expect(reader.gaps).toEqual([])
    await publishAll(hub, 'a', ...Array.from({ length: 300 }, (_, n) => `later ${n}`))
    sink.resume()
    await vi.waitUntil(() => reader.data.at(-1) === 'later 299', patience)
    expect(reader.gaps).toMatchObject([{ reason: 'evicted' }])
  })

  it('takes the id from the header field, else from the query parameter', async () => {
    const { hub } = createTestHub()
    const ids = await publishAll(hub, 'a', '1', '2', '3')
    for (const [request, data] of [
      [
        new Request('http://localhost/', { headers: { 'last-event-id': ids[0] ?? '' } }),
        ['data: 2', 'data: 3'],
      ],
      [new Request(`http://localhost/?lastEventId=${ids[1]}`), ['data: 3']],
      [new Request('http://localhost/?lastEventId=earliest'), ['data: 1', 'data: 2', 'data: 3']],
    ] as const) {
      const sink = attach(await hub.subscribe(request, { topics: ['a'] }))
      await turn()
      expect(sink.text.match(/data: \d/g)).toEqual(data)
    }
  })

  it('replays more than one page of the log', async () => {
    const { hub } = createTestHub()
    const data = Array.from({ length: 1000 }, (_, n) => String(n))
    await publishAll(hub, 'a', ...data)
    const reader = await subscribe(hub, { lastEventId: 'earliest' })
    await vi.waitUntil(() => reader.data.length === 1000, patience)
    expect(reader.data).toEqual(data)
    expect(hub.stats().replayed).toBe(1000)
  })

  it('is paced by the reader: a replay larger than maxBufferedBytes does not disconnect it', async () => {
    const { hub } = createTestHub({ maxBufferedBytes: 10_000 })
    const data = Array.from({ length: 500 }, (_, n) => `${n} ${'x'.repeat(1000)}`)
    await publishAll(hub, 'a', ...data)
    const sink = new RecordingSink()
    sink.reading = false
    const reader = await subscribe(hub, { lastEventId: 'earliest' }, sink)
    let peak = 0
    let replayPeak = 0
    for (let round = 0; round < 1000 && reader.data.length < 510; round += 1) {
      await turn()
      const { bufferedBytes, replayBytes } = hub.stats()
      peak = Math.max(peak, bufferedBytes)
      replayPeak = Math.max(replayPeak, replayBytes)
      // New events come in while the reader is far behind: they wait in the log.
      if (round < 10) await publishAll(hub, 'a', `new ${round}`)
      sink.drainOnce()
    }
    expect(reader.data).toEqual([...data, ...Array.from({ length: 10 }, (_, n) => `new ${n}`)])
    expect(peak).toBeLessThan(12_000)
    // A page of the log, which has its own limit.
    expect(replayPeak).toBeGreaterThan(200_000)
    expect(replayPeak).toBeLessThan(270_000)
    expect(hub.stats().replayBytes).toBe(0)
  })

  it('costs a reader nothing when the log fails: the connection is closed, and reported', async () => {
    const failure = new Error('log is gone')
    const onError = vi.fn<(error: unknown) => void>()
    const log = memoryLog()
    const { hub } = createTestHub({ log, onError })
    await publishAll(hub, 'a', '1')
    vi.spyOn(log, 'read').mockRejectedValue(failure)
    const reader = await subscribe(hub, { lastEventId: 'earliest' })
    await turn()
    expect(reader.sink.ended).toBe('close')
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
  })
})

describe('a gap is announced', () => {
  it('when what follows the position was evicted', async () => {
    const { hub } = createTestHub({ log: createTestLog({ maxEvents: 3 }) })
    const ids = await publishAll(hub, 'a', '1', '2', '3', '4', '5', '6')
    const reader = await subscribe(hub, { lastEventId: ids[0] })
    await turn()
    expect(reader.events.map((event) => event.event)).toEqual(['stream.gap', 'message', 'message', 'message'])
    expect(reader.gaps).toEqual([{ reason: 'evicted', requested: ids[0], earliest: ids[3], latest: ids[5] }])
    expect(reader.events[0]?.id).toBe(ids[2])
    expect(reader.data).toEqual(['4', '5', '6'])
  })

  it('not when all evicted events had been read, or were of other topics', async () => {
    const { hub } = createTestHub({ log: createTestLog({ maxEvents: 3 }) })
    const ids = await publishAll(hub, 'a', '1', '2', '3')
    await publishAll(hub, 'b', '4', '5')
    const [read, other] = [
      await subscribe(hub, { lastEventId: ids[1], topics: ['a'] }),
      await subscribe(hub, { lastEventId: ids[0], topics: ['b'] }),
    ]
    await turn()
    expect([read.gaps, read.data]).toEqual([[], ['3']])
    expect([other.gaps, other.data]).toEqual([[], ['4', '5']])
  })

  it('when the log evicts what a slow replay has not reached', async () => {
    const { hub } = createTestHub({ log: createTestLog({ maxEvents: 600 }) })
    const data = Array.from({ length: 600 }, (_, n) => `${n} ${'x'.repeat(1000)}`)
    const ids = await publishAll(hub, 'a', ...data)
    const sink = new RecordingSink()
    sink.reading = false
    const reader = await subscribe(hub, { lastEventId: 'earliest' }, sink)
    await turn()
    const more = Array.from({ length: 500 }, (_, n) => `later ${n}`)
    const later = await publishAll(hub, 'a', ...more)
    sink.reading = true
    sink.drainOnce()
    await vi.waitUntil(() => reader.data.at(-1) === 'later 499', patience)
    expect(reader.gaps).toEqual([
      { reason: 'evicted', requested: ids[255], earliest: ids[500], latest: expect.any(String) },
    ])
    expect(reader.data).toEqual([...data.slice(0, 256), ...data.slice(500), ...more])
    expect(later).toHaveLength(500)
  })

  it('when the position is of another epoch: the whole log is replayed', async () => {
    const { hub } = createTestHub()
    const ids = await publishAll(hub, 'a', '1', '2')
    for (const requested of ['other-7', 'nonsense', '7']) {
      const reader = await subscribe(hub, { lastEventId: requested })
      await turn()
      expect(reader.gaps).toEqual([{ reason: 'epoch', requested, earliest: ids[0], latest: ids[1] }])
      expect(reader.data).toEqual(['1', '2'])
      // A client that is cut before the gap must not hold a position of this epoch yet.
      expect(reader.ids[0]).toBe(reader.events[0]?.id)
    }
  })

  it('when the position is of another epoch and the log is empty', async () => {
    const { hub } = createTestHub()
    const reader = await subscribe(hub, { lastEventId: 'other-7' })
    await turn()
    expect(reader.gaps).toEqual([
      { reason: 'epoch', requested: 'other-7', earliest: null, latest: expect.stringMatching(/-0$/) },
    ])
    await publishAll(hub, 'a', '1')
    await turn()
    expect(reader.data).toEqual(['1'])
  })

  it('when the position lies in the future: the stream goes on from the head', async () => {
    const { hub } = createTestHub()
    const ids = await publishAll(hub, 'a', '1')
    const { epoch = '' } = parseEventId(ids[0] ?? '') ?? {}
    const reader = await subscribe(hub, { lastEventId: `${epoch}-99` })
    await turn()
    await publishAll(hub, 'a', '2')
    await turn()
    expect(reader.gaps).toEqual([
      { reason: 'future', requested: `${epoch}-99`, earliest: null, latest: ids[0] },
    ])
    expect(reader.data).toEqual(['2'])
  })

  it('when a slow reader under drop-oldest loses events', async () => {
    const { hub } = createTestHub({ slowConsumer: 'drop-oldest', maxBufferedBytes: 1000 })
    const sink = new RecordingSink()
    const reader = await subscribe(hub, {}, sink)
    await turn()
    sink.reading = false
    const ids = await publishAll(hub, 'a', ...Array.from({ length: 50 }, (_, n) => `${n} ${'x'.repeat(100)}`))
    await turn()
    await publishAll(hub, 'a', ...Array.from({ length: 50 }, (_, n) => `later ${n}`))
    sink.resume()
    await turn()
    expect(reader.gaps).toHaveLength(1)
    expect(reader.gaps[0]?.reason).toBe('dropped')
    expect(ids).toContain(reader.gaps[0]?.requested)
  })

  it('when the log itself goes on in another epoch', async () => {
    const { log, restart } = restartingLog()
    const { hub } = createTestHub({ log })
    const reader = await subscribe(hub)
    const [id] = await publishAll(hub, 'a', '1')
    await turn()
    restart({ epoch: 'second', seq: 0 })
    await turn()
    expect(reader.gaps).toEqual([{ reason: 'epoch', requested: id, earliest: null, latest: 'second-0' }])
    expect(reader.ids.at(-1)).toBe('second-0')
  })

  function restartingLog(): { log: EventLog; restart: (head: Position) => void } {
    const log = memoryLog()
    let restart: (head: Position) => void = () => undefined
    let hasRestarted = false
    return {
      log: {
        ...delegateTo(log),
        // It has lost what it held.
        read: async (...args) =>
          hasRestarted ? { entries: [], more: false, evictedUpTo: 0 } : log.read(...args),
        tail: (listener) => {
          restart = (head) => {
            hasRestarted = true
            listener.restarted(head)
          }
          return log.tail(listener)
        },
      },
      restart: (head) => restart(head),
    }
  }
})

describe('no event is lost or repeated between replay and live delivery', () => {
  // A log as it is behind a network: reads and tails arrive late, in every order that keeps their own.
  function lateLog(random: ReturnType<typeof createSeededRandom>, maxEvents: number) {
    const log = memoryLog({ maxEvents })
    const pending: (() => void)[] = []
    const tailQueue: LogEntry[] = []
    let tail: ((entry: LogEntry) => void) | undefined
    log.tail({
      appended: (entry) => tailQueue.push(entry),
      restarted: () => undefined,
      cancelled: () => undefined,
      skipped: () => undefined,
      abandoned: () => undefined,
    })
    const late: EventLog = {
      ...delegateTo(log),
      read: (...args) =>
        new Promise<LogPage>((resolve) => {
          // The log answers at one moment, and the answer arrives at another.
          pending.push(() => {
            const page = log.read(...args)
            pending.push(() => resolve(page))
          })
        }),
      tail: (listener) => {
        tail = (entry) => listener.appended(entry)
        return () => {
          tail = undefined
        }
      },
    }
    const step = (): boolean => {
      const canTail = tailQueue.length > 0
      if (!canTail && pending.length === 0) return false
      if (canTail && (pending.length === 0 || random() < 0.5)) tail?.(tailQueue.shift() as LogEntry)
      else pending.splice(random.integer(0, pending.length - 1), 1)[0]?.()
      return true
    }
    return { log: late, step }
  }

  it.each(Array.from({ length: 40 }, (_, n) => n))(
    'over 50 random interleavings, block %i',
    async (block) => {
      let complete = 0
      for (let seed = block * 50; seed < block * 50 + 50; seed += 1) {
        const random = createSeededRandom(seed)
        const { log, step } = lateLog(random, random.integer(20, 400))
        const hub = createHub({
          log,
          runtime: createVirtualRuntime(seed),
          heartbeatIntervalMs: 0,
          maxBufferedBytes: random.integer(500, 5000),
          slowConsumer: random.pick(['disconnect', 'drop-oldest'] as const),
        })
        const topics = ['a', 'b', 'c.d']
        const published: { readonly topic: string; readonly seq: number }[] = []
        const ledger = createLedger()
        const readers: {
          name: string
          reader: Reader
          from: string | undefined
          topics: readonly string[]
          first: number
        }[] = []
        const publish = async (): Promise<void> => {
          const topic = random.pick(topics)
          const { id } = await hub.publish(topic, { data: String(published.length) })
          published.push({ topic, seq: parseEventId(id)?.seq ?? 0 })
        }
        const connect = async (from: string | undefined, wanted: readonly string[]): Promise<void> => {
          const sink = new RecordingSink()
          const first = from === undefined ? published.length : (parseEventId(from)?.seq ?? 0)
          const exact = wanted.filter((topic) => !topic.includes('*') && topic !== '>')
          const patterns = wanted.filter((topic) => !exact.includes(topic))
          const reader = await subscribe(hub, { topics: exact, patterns, lastEventId: from }, sink)
          readers.push({ name: `reader ${readers.length}`, reader, from, topics: wanted, first })
        }
        for (let n = random.integer(0, 300); n > 0; n -= 1) await publish()
        for (let action = 0; action < 120; action += 1) {
          const choice = random()
          if (choice < 0.35) await publish()
          else if (choice < 0.85) step()
          else if (choice < 0.9) await turn()
          else if (choice < 0.95 && readers.length < 6) {
            const from =
              random() < 0.7
                ? published[random.integer(0, Math.max(0, published.length - 1))]?.seq
                : undefined
            const { epoch } = await log.head()
            await connect(
              from === undefined ? undefined : `${epoch}-${from}`,
              random.pick([['a'], ['a', 'c.*'], ['>']]),
            )
          } else if (readers.length > 0) {
            const { sink } = random.pick(readers).reader
            if (sink.reading) sink.reading = false
            else if (random() < 0.5) sink.drainOnce()
            else sink.resume()
          }
        }
        for (const { reader } of readers) reader.sink.resume()
        for (let idle = 0; idle < 3;) {
          idle = step() ? 0 : idle + 1
          await turn()
          for (const { reader } of readers) if (reader.sink.bufferedBytes > 0) reader.sink.resume()
        }
        for (const { name, reader, topics: wanted, first } of readers) {
          if (reader.sink.ended !== undefined) continue
          complete += 1
          const matches = (topic: string): boolean =>
            wanted.includes('>') || wanted.includes(topic) || (wanted.includes('c.*') && topic === 'c.d')
          const expected = published
            .filter(({ topic, seq }) => matches(topic) && seq > first)
            .map(({ seq }) => seq)
          for (const seq of expected) ledger.published(name, seq)
          let last = first
          for (const { event, id = '' } of reader.events) {
            const seq = parseEventId(id)?.seq ?? -1
            if (event === 'stream.gap') ledger.announcedGap(name, name, { after: last, before: seq + 1 })
            else ledger.received(name, name, seq)
            last = Math.max(last, seq)
          }
          if (expected.length === 0) expect(reader.data).toEqual([])
          else ledger.expectComplete({ topic: name, readers: [name], announcedGaps: 'allowed' })
        }
      }
      // The check must not pass only because there are no readers.
      expect(complete).toBeGreaterThan(50)
    },
  )
})

describe('limits and the end', () => {
  it('answers 503 with Retry-After beyond maxConnections', async () => {
    const { hub } = createTestHub({ maxConnections: 1 })
    const reader = await subscribe(hub)
    const refused = await hub.subscribe(new Request('http://localhost/'), { topics: ['a'] })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toMatch(/^[123]$/)
    reader.sink.leave()
    await subscribe(hub)
  })

  it('disconnect ends the connections that match the predicate', async () => {
    const { hub } = createTestHub()
    const [ada, bob] = [await subscribe(hub, { identity: 'ada' }), await subscribe(hub, { identity: 'bob' })]
    expect(hub.connections().map(({ identity, topics }) => [identity, topics])).toEqual([
      ['ada', ['>']],
      ['bob', ['>']],
    ])
    expect(hub.disconnect(({ identity }) => identity === 'ada')).toBe(1)
    await turn()
    expect([ada.sink.ended, bob.sink.ended]).toEqual(['close', undefined])
  })

  it('close ends every connection, refuses later ones, and leaves nothing behind', async () => {
    const { hub, runtime } = createTestHub({ heartbeatIntervalMs: 1000 })
    const readers = await Promise.all([1, 2, 3].map(() => subscribe(hub)))
    await publishAll(hub, 'a', '1')
    await turn()
    await Promise.all([hub.close(), hub.close()])
    expect(readers.map(({ sink }) => sink.ended)).toEqual(['close', 'close', 'close'])
    expect(readers.map(({ data }) => data)).toEqual([['1'], ['1'], ['1']])
    expect(hub.stats()).toMatchObject({ connections: 0, closed: { drain: 3 } })
    expect(runtime.clock.pendingTimers).toBe(0)
    expect((await hub.subscribe(new Request('http://localhost/'), { topics: ['a'] })).status).toBe(503)
    await expect(hub.publish('a', { data: '' })).rejects.toThrow(
      expect.objectContaining({ code: 'hub-closed' }),
    )
  })

  it('nothing is left after a thousand clients have come and gone', async () => {
    const { hub, runtime } = createTestHub({ heartbeatIntervalMs: 1000, log: memoryLog({ maxAgeMs: 0 }) })
    for (let n = 0; n < 1000; n += 1) {
      const { sink } = await subscribe(hub, {
        topics: [`t${n}`],
        patterns: [`u${n}.*`],
        lastEventId: 'earliest',
      })
      if (n % 3 === 0) await publishAll(hub, `t${n}`, 'x')
      sink.leave()
    }
    await turn()
    expect(hub.stats()).toMatchObject({ connections: 0, opened: 1000, closed: { client: 1000 } })
    // The other processes on the log are notified once more.
    await runtime.clock.advance(5000)
    expect(runtime.clock.pendingTimers).toBe(0)
  })
})
