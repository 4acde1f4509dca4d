import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import { createEventSource, EventDataError, LastEventIdStoreError } from '../src/index.ts'
import type {
  EventSourceCloseReason,
  EventSourceClient,
  EventSourceOptions,
  Gap,
  LastEventIdStore,
  StandardSchema,
  StreamEvent,
} from '../src/index.ts'
import { createMemoryServer } from './memory-transport.ts'
import type { MemoryServer } from './memory-transport.ts'

/** A client whose stream is open. */
async function open(
  options?: EventSourceOptions,
): Promise<{ server: MemoryServer; client: EventSourceClient }> {
  const server = createMemoryServer()
  const client = createEventSource('http://test/', {
    transport: server.transport,
    ...options,
  })
  await nextTurn()
  server.last.respond()
  return { server, client }
}

const textOf = (events: readonly StreamEvent<string, unknown>[]): unknown[] =>
  events.map((event) => event.data)

async function take<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  for await (const event of source) {
    taken.push(event)
    if (taken.length === count) break
  }
  return taken
}

/** The uncaught errors during `run`. */
async function uncaughtDuring(run: () => void | Promise<void>): Promise<unknown[]> {
  const caught: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => caught.push(error))
  try {
    await run()
    await nextTurn()
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of others) process.on('uncaughtException', listener)
  }
  return caught
}

describe('listeners', () => {
  it('a listener for a type gets the events of that type; a listener for all types gets every event', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    client.on('message', (event) => seen.push(`message: ${event.data}`))
    client.on('x', (event) => seen.push(`x: ${event.data}`))
    client.onAny(({ type, data, lastEventId }) => seen.push(`any: ${type} ${data} ${lastEventId}`))
    server.last.write('id: 1\ndata: a\n\nevent: x\ndata: b\n\n')
    expect(seen).toEqual(['message: a', 'any: message a 1', 'x: b', 'any: x b 1'])
    client.close()
  })

  it('a removed listener gets no further events', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    const removers = [
      client.on('message', () => seen.push('on')),
      client.onAny(() => seen.push('any')),
      client.onComment(() => seen.push('comment')),
    ]
    client.onAny(() => seen.push('stays'))
    for (const remove of removers) {
      remove()
      remove()
    }
    server.last.write(': c\ndata: a\n\n')
    expect(seen).toEqual(['stays'])
    client.close()
  })

  it('adding and removing listeners for many types leaves nothing in memory', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const { client } = await open()
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < 20_000; index += 1) client.on(`job-${index}`, () => {})()
    await nextTurn()
    collectGarbage()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2_000_000)
    client.close()
  })

  it('removing a listener twice does not affect others of its type', async () => {
    const { server, client } = await open()
    const heard: string[] = []
    const leave = client.on('a', () => {})
    leave()
    client.on('a', ({ data }) => heard.push(data))
    leave()
    server.last.write('event: a\ndata: 1\n\n')
    expect(heard).toEqual(['1'])
    client.close()
  })

  it('a listener that throws affects neither the other listeners nor the stream', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    client.onAny(() => {
      throw new Error('mine')
    })
    client.onAny((event) => seen.push(event.data))
    const uncaught = await uncaughtDuring(() => server.last.write('data: a\n\ndata: b\n\n'))
    expect(seen).toEqual(['a', 'b'])
    expect(uncaught).toMatchObject([{ message: 'mine' }, { message: 'mine' }])
    expect(client.status.state).toBe('open')
    client.close()
  })

  it('no listener is called after close(), neither the others of the event nor for the rest of the chunk', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    client.on('message', (event) => {
      seen.push(`first ${event.data}`)
      if (event.data === 'b') client.close()
    })
    client.on('message', (event) => seen.push(`second ${event.data}`))
    client.onAny((event) => seen.push(`any ${event.data}`))
    client.onComment(() => seen.push('comment'))
    server.last.write('data: a\n\ndata: b\n\n: x\ndata: c\n\n')
    expect(seen).toEqual(['first a', 'second a', 'any a', 'first b'])
    expect(await client.closed).toBe('client')
  })

  it('comment listeners get the text without the colon and one space', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    client.onComment((text) => seen.push(text))
    server.last.write(':\n:a\n: b\n:  c\n')
    expect(seen).toEqual(['', 'a', 'b', ' c'])
    client.close()
  })

  it('status listeners get every change once, including the one that their own close() causes', async () => {
    const { client } = await open()
    const seen: string[] = []
    client.onStatus((status) => seen.push(status.state))
    client.close()
    client.close()
    expect(seen).toEqual(['closed'])
  })

  it('status listeners end with the newest status, even if a listener caused the change', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    client.onStatus((status) => status.state === 'reconnecting' && client.reconnect())
    client.onStatus((status) => seen.push(status.state))
    server.last.fail(new Error('cut'))
    await nextTurn()
    expect([seen.at(-1), client.status.state]).toEqual(['connecting', 'connecting'])
    client.close()
  })
})

describe('the async iterator', () => {
  it('the iterator gives the events in order', async () => {
    const { server, client } = await open()
    const taken = take(client, 3)
    server.last.write('data: a\n\ndata: b\n\n')
    server.last.write('id: 7\nevent: x\ndata: c\n\n')
    expect(await taken).toEqual([
      { type: 'message', data: 'a', lastEventId: '' },
      { type: 'message', data: 'b', lastEventId: '' },
      { type: 'x', data: 'c', lastEventId: '7' },
    ])
    client.close()
  })

  it('a second loop goes on without loss after the first loop was left', async () => {
    const { server, client } = await open()
    const first = take(client.events({ keepOpen: true }), 1)
    server.last.write('data: a\n\ndata: b\n\ndata: c\n\n')
    expect(textOf(await first)).toEqual(['a'])
    server.last.write('data: d\n\n')
    expect(textOf(await take(client, 3))).toEqual(['b', 'c', 'd'])
    client.close()
  })

  it('leaving the loop closes the stream, by break, return and throw', async () => {
    const leave: ((client: EventSourceClient) => Promise<unknown>)[] = [
      (client) => take(client, 1),
      (client) => take(client.events(), 1),
      async (client) => {
        for await (const event of client) if (event) return
      },
      async (client) => {
        for await (const event of client) throw new Error(event.data)
      },
      async (client) => {
        const iterator = client[Symbol.asyncIterator]()
        await iterator.return?.()
      },
    ]
    for (const leaveLoop of leave) {
      const { server, client } = await open()
      const left = leaveLoop(client)
      server.last.write('data: a\n\n')
      await left.catch(() => {})
      expect(await client.closed).toBe('client')
      expect(server.openCount).toBe(0)
    }
  })

  it('leaving the loop leaves the stream to other loops and to listeners, and the last loop to leave closes it', async () => {
    const { server, client } = await open()
    const [first, second] = [take(client, 1), take(client, 2)]
    server.last.write('data: a\n\n')
    await first
    await nextTurn()
    expect(client.status.state).toBe('open')
    const remove = client.on('message', () => {})
    server.last.write('data: b\n\ndata: c\n\n')
    await second
    await nextTurn()
    expect(client.status.state).toBe('open')
    remove()
    expect(client.status.state).toBe('open')
    const third = take(client, 1)
    server.last.write('data: d\n\n')
    await third
    expect(await client.closed).toBe('client')
  })

  it('loops at the same time share the events', async () => {
    const { server, client } = await open()
    const loops = [take(client, 2), take(client, 2)]
    server.last.write('data: a\n\ndata: b\n\ndata: c\n\ndata: d\n\n')
    const [first = [], second = []] = await Promise.all(loops)
    expect(new Set(textOf([...first, ...second]))).toEqual(new Set(['a', 'b', 'c', 'd']))
    client.close()
  })

  it('a loop does not keep listeners from getting the same events', async () => {
    const { server, client } = await open()
    const heard: string[] = []
    client.onAny((event) => heard.push(event.data))
    const taken = take(client, 2)
    server.last.write('data: a\n\ndata: b\n\n')
    expect(textOf(await taken)).toEqual(heard)
    client.close()
  })

  it('the iterator ends when the stream is closed, and drops waiting events', async () => {
    const { server, client } = await open()
    const iterator = client[Symbol.asyncIterator]()
    server.last.write('data: a\n\ndata: b\n\n')
    expect((await iterator.next()).value).toMatchObject({ data: 'a' })
    client.close()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  it('the iterator gives waiting events before it ends with the stream', async () => {
    const { server, client } = await open({ reconnect: 'never' })
    const iterator = client[Symbol.asyncIterator]()
    server.last.write('data: a\n\ndata: b\n\n')
    server.last.end()
    expect(await client.closed).toBe('completed')
    expect(textOf(await take(iterator, 3))).toEqual(['a', 'b'])
  })

  it('the iterator throws the cause after the waiting events when the stream has failed', async () => {
    const { server, client } = await open({ reconnect: 'never' })
    const taken: string[] = []
    const loop = (async () => {
      for await (const event of client) taken.push(event.data)
    })()
    server.last.write('data: a\n\n')
    server.last.fail(new Error('cut'))
    await expect(loop).rejects.toMatchObject({
      name: 'StreamEndError',
      code: 'interrupted',
      cause: { name: 'ConnectionError', code: 'network', message: 'cut' },
    })
    expect(taken).toEqual(['a'])
  })

  it('a stream that is not iterated leaves no unhandled rejection when it fails', async () => {
    const rejections: unknown[] = []
    const record = (reason: unknown): void => void rejections.push(reason)
    process.on('unhandledRejection', record)
    const { server, client } = await open({ reconnect: 'never' })
    server.last.fail(new Error('cut'))
    expect(await client.closed).toBe('interrupted')
    await nextTurn()
    process.off('unhandledRejection', record)
    expect(rejections).toEqual([])
  })

  it('`await using` closes a stream that is iterated', async () => {
    const { server, client } = await open()
    let reason: EventSourceCloseReason | undefined
    {
      await using scoped = client
      const taken = take(scoped, 1)
      server.last.write('data: a\n\n')
      await taken
    }
    if (client.status.state === 'closed') reason = client.status.reason
    expect([reason, server.openCount]).toEqual(['client', 0])
  })
})

describe('reading', () => {
  it('reading begins with the first consumer, and nothing is lost before', async () => {
    const { server, client } = await open()
    expect(server.last.isPaused).toBe(true)
    server.last.write('data: a\n\n')
    await nextTurn()
    const heard: string[] = []
    client.on('message', (event) => heard.push(event.data))
    expect([server.last.isPaused, heard]).toEqual([false, ['a']])
    client.close()
  })

  it('reading pauses when the last consumer is gone', async () => {
    const { server, client } = await open()
    const remove = client.onAny(() => {})
    const removeOther = client.onComment(() => {})
    remove()
    expect(server.last.isPaused).toBe(false)
    removeOther()
    expect(server.last.isPaused).toBe(true)
    client.close()
  })

  it('reading does not begin for the status alone', async () => {
    const { server, client } = await open()
    client.onStatus(() => {})
    client.onError(() => {})
    expect(server.last.isPaused).toBe(true)
    client.close()
  })

  it('reading pauses while more than maxBufferedBytes wait for the iterator, and also on a new connection', async () => {
    const { server, client } = await open({ maxBufferedBytes: 10_000 })
    const iterator = client[Symbol.asyncIterator]()
    for (let n = 0; n < 20; n += 1) server.last.write(`data: ${'x'.repeat(500)}\n\n`)
    expect(server.last.isPaused).toBe(true)
    client.reconnect()
    await nextTurn()
    server.last.respond()
    expect(server.last.isPaused).toBe(true)
    for (let n = 0; n < 5; n += 1) await iterator.next()
    expect(server.last.isPaused).toBe(false)
    client.close()
  })
})

describe('a loop that is left with a full queue', () => {
  it('a loop that is left with a full queue does not keep listeners from the events that follow', async () => {
    const { server, client } = await open({ maxBufferedBytes: 1000 })
    const heard: string[] = []
    client.onAny(({ data }) => heard.push(data))
    const loop = client[Symbol.asyncIterator]()
    for (const data of ['a', 'b', 'c', 'd']) server.last.write(`data: ${data}${'.'.repeat(100)}\n\n`)
    expect(server.last.isPaused).toBe(true)
    await loop.return?.()
    expect(server.last.isPaused).toBe(false)
    server.last.write('data: e\n\n')
    expect(heard.map((data) => data[0])).toEqual(['a', 'b', 'c', 'd', 'e'])
    client.close()
  })
})

describe('events that arrive without a consumer', () => {
  /** Over a transport that still delivers buffered chunks after pause, as undici does. */
  async function openLate(options?: EventSourceOptions): Promise<Awaited<ReturnType<typeof open>>> {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: (request, sink) => ({ ...server.transport(request, sink), pause() {} }),
      ...options,
    })
    await nextTurn()
    server.last.respond()
    return { server, client }
  }

  it('events that arrive without a consumer go to the next loop, and count as delivered only then', async () => {
    const saved: string[] = []
    const store: LastEventIdStore = { load: () => '', save: (id) => void saved.push(id) }
    const { server, client } = await openLate({ lastEventIdStore: store })
    const first = take(client.events({ keepOpen: true }), 1)
    await nextTurn()
    server.last.write('id: 1\ndata: 1\n\n')
    expect(textOf(await first)).toEqual(['1'])
    server.last.write('id: 2\ndata: 2\n\nid: 3\ndata: 3\n\n')
    await nextTurn()
    expect(saved).toEqual([])
    expect(textOf(await take(client, 2))).toEqual(['2', '3'])
    client.close()
  })

  it('events that arrive without a consumer go to the next listener, in order, before later events', async () => {
    const { server, client } = await openLate()
    const seen: string[] = []
    const leave = client.onAny(({ data }) => seen.push(`first ${data}`))
    leave()
    server.last.write('data: 1\n\ndata: 2\n\n')
    client.onAny(({ data }) => seen.push(`second ${data}`))
    server.last.write('data: 3\n\n')
    expect(seen).toEqual([])
    await nextTurn()
    server.last.write('data: 4\n\n')
    expect(seen).toEqual(['second 1', 'second 2', 'second 3', 'second 4'])
  })

  it('the rest of a chunk waits for the next consumer when the last listener removes itself', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    const leave = client.on('message', ({ data }) => {
      seen.push(data)
      leave()
    })
    server.last.write('data: 1\n\ndata: 2\n\ndata: 3\n\n')
    await nextTurn()
    expect(seen).toEqual(['1'])
    expect(textOf(await take(client, 2))).toEqual(['2', '3'])
  })

  it('events that arrived without a consumer are still there for a loop after the stream has ended', async () => {
    const { server, client } = await openLate({ reconnect: 'on-error' })
    const leave = client.onAny(() => {})
    leave()
    server.last.write('data: 1\n\n')
    server.last.end()
    expect(await client.closed).toBe('completed')
    expect(textOf(await take(client, 1))).toEqual(['1'])
  })
})

describe('a slow reader', () => {
  const write = (server: MemoryServer, from: number, to: number): void => {
    for (let n = from; n <= to; n += 1) server.last.write(`id: e-${n}\ndata: ${n} ${'x'.repeat(1000)}\n\n`)
  }

  it('with drop-oldest, a slow reader gets a stream.gap in place of the dropped events', async () => {
    const { server, client } = await open({ maxBufferedBytes: 10_000, slowConsumer: 'drop-oldest' })
    const iterator = client[Symbol.asyncIterator]()
    write(server, 1, 1)
    await iterator.next()
    write(server, 2, 20)
    const { value } = await iterator.next()
    expect(value).toMatchObject({ type: 'stream.gap', lastEventId: 'e-1' })
    const gap = JSON.parse(value?.data ?? '') as Gap
    expect(gap).toEqual({ reason: 'dropped', requested: 'e-1', earliest: 'e-17', latest: null })
    expect((await iterator.next()).value).toMatchObject({ lastEventId: 'e-17' })
    client.close()
  })

  it('with fail, the stream of a slow reader closes, and the iterator throws after the waiting events', async () => {
    const { server, client } = await open({ maxBufferedBytes: 10_000, slowConsumer: 'fail' })
    const iterator = client[Symbol.asyncIterator]()
    write(server, 1, 20)
    expect(await client.closed).toBe('error')
    const taken: unknown[] = []
    await expect(
      (async () => {
        for await (const event of iterator) taken.push(event.lastEventId)
      })(),
    ).rejects.toMatchObject({ code: 'queue-overflow', maxBufferedBytes: 10_000 })
    expect(taken).toEqual(['e-1', 'e-2', 'e-3', 'e-4', 'e-5'])
    expect(server.openCount).toBe(0)
  })
})

/** A schema as zod or valibot make them. */
const numberSchema: StandardSchema<{ total: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'object' && value !== null && 'total' in value && typeof value.total === 'number'
        ? { value: { total: value.total } }
        : { issues: [{ message: 'total must be a number', path: ['total'] }] },
  },
}

/** As the specification of Standard Schema types them; that this compiles is the test. */
const specifiedSchema: StandardSchemaV1<unknown, { total: number }> = numberSchema

const slowSchema: StandardSchema<string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      await nextTurn()
      if (value === 'throw') throw new Error('schema is broken')
      return { value: `slow ${String(value)}` }
    },
  },
}

describe('data', () => {
  it('data is text by default', async () => {
    const { server, client } = await open()
    const taken = take(client, 1)
    server.last.write('data: {"a":1}\n\n')
    expect(textOf(await taken)).toEqual(['{"a":1}'])
    client.close()
  })

  it('data: json decodes the data as JSON', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', { transport: server.transport, data: 'json' })
    const taken = take(client, 2)
    await nextTurn()
    server.last.respond()
    server.last.write('data: {"a":\ndata: [1]}\n\ndata: null\n\n')
    expect(textOf(await taken)).toEqual([{ a: [1] }, null])
    client.close()
  })

  it('data is checked and typed by the schema of its type; types without one are ignored', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      events: { paid: specifiedSchema },
    })
    const totals: number[] = []
    client.on('paid', (event) => totals.push(event.data.total))
    client.onAny((event) => {
      if (event.type === 'paid') totals.push(-event.data.total)
    })
    await nextTurn()
    server.last.respond()
    server.last.write('event: paid\ndata: {"total":12}\n\nevent: constructor\ndata: {}\n\ndata: no json\n\n')
    expect(totals).toEqual([12, -12])
    client.close()
  })

  it('data that cannot be decoded is reported to onError, and the stream goes on', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      events: { paid: numberSchema },
    })
    const errors: unknown[] = []
    client.onError((error) => errors.push(error))
    const taken = take(client, 1)
    await nextTurn()
    server.last.respond()
    server.last.write(
      'event: paid\nid: 1\ndata: {{\n\nevent: paid\ndata: {"total":"x"}\n\nevent: paid\ndata: {"total":1}\n\n',
    )
    expect(await taken).toEqual([{ type: 'paid', data: { total: 1 }, lastEventId: '1' }])
    expect(errors).toMatchObject([
      {
        name: 'EventDataError',
        code: 'invalid-json',
        type: 'paid',
        data: '{{',
        lastEventId: '1',
        issues: [],
      },
      {
        code: 'schema-mismatch',
        data: '{"total":"x"}',
        issues: [{ message: 'total must be a number', path: ['total'] }],
      },
    ])
    expect((errors[0] as Error).cause).toBeInstanceOf(SyntaxError)
    client.close()
  })

  it('a schema that gives no result counts as failed, and the stream goes on', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      events: {
        paid: { '~standard': { version: 1, vendor: 'test', validate: (): never => undefined as never } },
      },
    })
    const errors: unknown[] = []
    client.onError((error) => errors.push(error))
    client.onAny(() => {})
    await nextTurn()
    server.last.respond()
    server.last.write('event: paid\ndata: 1\n\nevent: paid\ndata: 2\n\n')
    expect(errors).toMatchObject([
      { code: 'schema-failed', data: '1', cause: { name: 'TypeError' } },
      { code: 'schema-failed', data: '2' },
    ])
    expect(client.status.state).toBe('open')
    client.close()
  })

  it('data that cannot be decoded rejects one next() if there is no onError listener', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', { transport: server.transport, data: 'json' })
    const iterator = client[Symbol.asyncIterator]()
    await nextTurn()
    server.last.respond()
    server.last.write('data: 1\n\ndata: [DONE]\n\ndata: 2\n\n')
    expect((await iterator.next()).value).toMatchObject({ data: 1 })
    await expect(iterator.next()).rejects.toBeInstanceOf(EventDataError)
    expect((await iterator.next()).value).toMatchObject({ data: 2 })
    expect(client.status.state).toBe('open')
    client.close()
  })

  it('data that cannot be decoded is an uncaught error if there is neither a listener nor an iterator', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', { transport: server.transport, data: 'json' })
    client.onAny(() => {})
    await nextTurn()
    server.last.respond()
    const uncaught = await uncaughtDuring(() => server.last.write('data: {\n\n'))
    expect(uncaught).toMatchObject([{ code: 'invalid-json' }])
    client.close()
  })

  it('data keeps its order through asynchronous schemas, and reading waits for them', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      reconnect: 'never',
      events: { slow: slowSchema, paid: numberSchema },
    })
    const seen: unknown[] = []
    client.onError((error) => seen.push(error.code))
    client.onAny((event) => seen.push(event.data))
    await nextTurn()
    server.last.respond()
    server.last.write(
      'event: slow\ndata: 1\n\nevent: paid\ndata: {"total":2}\n\nevent: slow\ndata: "throw"\n\nevent: slow\ndata: 3\n\n',
    )
    expect([seen, server.last.isPaused]).toEqual([[], true])
    server.last.end()
    expect(await client.closed).toBe('completed')
    expect(seen).toEqual(['slow 1', { total: 2 }, 'schema-failed', 'slow 3'])
  })

  it('data waits for a schema whose promise is of another realm', async () => {
    const server = createMemoryServer()
    const foreign: unknown = runInNewContext(`Promise.resolve({ issues: [{ message: 'no' }] })`)
    expect(foreign).not.toBeInstanceOf(Promise)
    const client = createEventSource('http://test/', {
      transport: server.transport,
      reconnect: 'never',
      events: { paid: { '~standard': { version: 1, vendor: 'test', validate: () => foreign as never } } },
    })
    const seen: unknown[] = []
    client.onError((error) => seen.push(error.code))
    client.onAny((event) => seen.push(event.data))
    await nextTurn()
    server.last.respond()
    server.last.write('event: paid\ndata: 1\n\n')
    server.last.end()
    expect(await client.closed).toBe('completed')
    expect(seen).toEqual(['schema-mismatch'])
  })

  it('data that is still being checked is not delivered after close()', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      events: { slow: slowSchema },
    })
    const seen: unknown[] = []
    client.onAny((event) => seen.push(event.data))
    await nextTurn()
    server.last.respond()
    server.last.write('event: slow\ndata: 1\n\n')
    client.close()
    await nextTurn()
    await nextTurn()
    expect(seen).toEqual([])
  })
})

describe('close() of a stream that has ended by itself', () => {
  it('close() of a stream that has ended by itself drops events that are still being checked', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      reconnect: 'never',
      events: { slow: slowSchema },
    })
    const seen: unknown[] = []
    client.onAny((event) => seen.push(event.data))
    client.onStatus((status) => status.state === 'closed' && seen.push(status.reason))
    await nextTurn()
    server.last.respond()
    server.last.write('event: slow\ndata: 1\n\n')
    server.last.end()
    await Promise.resolve()
    client.close()
    await nextTurn()
    await nextTurn()
    expect([seen, await client.closed]).toEqual([['client'], 'client'])
  })

  it('close() of a stream that has ended by itself drops events that wait for the iterator', async () => {
    const { server, client } = await open({ reconnect: 'never' })
    const iterator = client[Symbol.asyncIterator]()
    server.last.write('data: a\n\ndata: b\n\n')
    server.last.end()
    expect(await client.closed).toBe('completed')
    client.close()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(client.status).toMatchObject({ reason: 'completed' })
  })
})

describe('the wire contract', () => {
  const GAP: Gap = { reason: 'evicted', requested: 'e-5', earliest: 'e-9', latest: 'e-20' }

  it('the wire contract drops repeats and keeps the position', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    client.onAny((event) => seen.push(event.data))
    server.last.write(': sse-toolkit 1\n: heartbeat 15000\nretry: 1000\nid: e-5\n\n')
    server.last.write(
      'id: e-6\ndata: 6\n\nid: e-6\ndata: again\n\nid: e-4\ndata: old\n\nid: e-8\ndata: 8\n\n',
    )
    expect([seen, client.lastEventId]).toEqual([['6', '8'], 'e-8'])
    client.close()
  })

  it('stream.gap sets the position and goes to onGap, to listeners and to the iterator, in its place', async () => {
    const { server, client } = await open()
    const gaps: Gap[] = []
    client.onGap((gap) => gaps.push(gap))
    const taken = take(client, 3)
    server.last.write(': sse-toolkit 1\n\nid: e-20\ndata: a\n\n')
    server.last.write(`id: e-8\nevent: stream.gap\ndata: ${JSON.stringify(GAP)}\n\nid: e-9\ndata: b\n\n`)
    expect((await taken).map((event) => `${event.type} ${event.lastEventId}`)).toEqual([
      'message e-20',
      'stream.gap e-8',
      'message e-9',
    ])
    expect(gaps).toEqual([GAP])
    expect(client.lastEventId).toBe('e-9')
    client.close()
  })

  it('stream.end completes the stream: the iterator ends, and no further request is made', async () => {
    const { server, client } = await open()
    const taken = (async () => {
      const all: string[] = []
      for await (const event of client) all.push(event.type)
      return all
    })()
    server.last.write(
      ': sse-toolkit 1\n\nid: e-1\ndata: a\n\nid: e-1\nevent: stream.end\ndata: {"topic":"t"}\n\nid: e-2\ndata: no\n\n',
    )
    expect(await client.closed).toBe('completed')
    expect(await taken).toEqual(['message', 'stream.end'])
    expect([server.openCount, server.exchanges.length, client.status]).toMatchObject([
      0,
      1,
      { state: 'closed' },
    ])
  })

  it("reserved events have types alongside the user's typed events", async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      events: { paid: numberSchema },
    })
    const messages: string[] = []
    client.on('stream.error', (event) => messages.push(event.data.message))
    await nextTurn()
    server.last.respondMarked()
    server.last.write('id: e-1\nevent: stream.error\ndata: {"topic":"t","message":"out of tokens"}\n\n')
    expect(messages).toEqual(['out of tokens'])
    client.close()
  })

  it.each([
    ['of another server', 'id: e-1\nevent: stream.end\ndata: {}\n\n', 'auto'],
    ['after which the mark comes', 'event: stream.end\ndata: {}\n\n: sse-toolkit 1\n\n', 'auto'],
    ['of another version of the contract', ': sse-toolkit 2\n\nevent: stream.end\ndata: {}\n\n', 'auto'],
    ['that is not JSON', ': sse-toolkit 1\n\nid: e-1\nevent: stream.end\ndata: bye\n\n', 'auto'],
    ['that is no object', ': sse-toolkit 1\n\nevent: stream.end\ndata: 1\n\n', 'auto'],
    ['when the contract is ignored', ': sse-toolkit 1\n\nevent: stream.end\ndata: {}\n\n', 'ignore'],
  ] as const)('a stream.end %s is an ordinary event', async (_name, wire, wireContract) => {
    const { server, client } = await open({ wireContract })
    const seen: string[] = []
    client.onAny((event) => seen.push(event.type))
    server.last.write(wire)
    expect([seen, client.status.state]).toEqual([['stream.end'], 'open'])
    client.close()
  })

  it('repeats are not dropped when the wire contract is ignored', async () => {
    const { server, client } = await open({ wireContract: 'ignore' })
    const seen: string[] = []
    client.onAny((event) => seen.push(event.data))
    server.last.write(': sse-toolkit 1\n\nid: e-2\ndata: a\n\nid: e-1\ndata: b\n\n')
    expect([seen, client.lastEventId]).toEqual([['a', 'b'], 'e-1'])
    client.close()
  })

  it.each([
    ['completed', 'completed', undefined],
    ['cancelled', 'cancelled', undefined],
    ['failed', 'failed', 'The stream is incomplete (failed): out of tokens'],
    ['interrupted', 'interrupted', 'The stream is incomplete (interrupted): out of tokens'],
    ['expired', 'expired', 'The stream is incomplete (expired): out of tokens'],
    ['a reason of the future', 'interrupted', 'The stream is incomplete (interrupted): out of tokens'],
  ])(
    'a stream.end says how it ended: %s is closed as %s, and the loop throws %s',
    async (said, reason, message) => {
      for (const options of [{}, { method: 'POST' }, { reconnect: 'on-error' }] as const) {
        const { server, client } = await open(options)
        const loop = (async () => {
          const types: string[] = []
          for await (const { type } of client) types.push(type)
          return types
        })()
        server.last.write(
          `: sse-toolkit 1\n\ndata: half\n\nevent: stream.error\ndata: {"message":"out of tokens"}\n\nevent: stream.end\ndata: ${JSON.stringify({ reason: said })}\n\n`,
        )
        server.last.end()
        if (message === undefined) expect(await loop).toEqual(['message', 'stream.error', 'stream.end'])
        else await expect(loop).rejects.toMatchObject({ name: 'StreamEndError', code: reason, message })
        expect(await client.closed).toBe(reason)
        expect(client.status).toMatchObject({
          state: 'closed',
          reason,
          ...(message && { cause: { code: reason } }),
        })
        expect(server.exchanges).toHaveLength(1)
      }
    },
  )

  it('the client can be set to follow the wire contract without the mark, where a proxy strips comments', async () => {
    const { server, client } = await open({ wireContract: 'follow' })
    const seen: string[] = []
    client.onAny((event) => seen.push(event.data))
    server.last.write('id: e-2\ndata: a\n\nid: e-1\ndata: b\n\nevent: stream.end\ndata: {}\n\n')
    expect(seen).toEqual(['a', '{}'])
    expect(await client.closed).toBe('completed')
  })

  it.each([
    [
      "langgraph's milliseconds",
      ['1700000000000-0', '1700000000000-0', '1700000000001-0', '1700000000000-1'],
    ],
    ["Redis's entry ids", ['1526919030474-55', '1526919030474-9', '1526919030473-56']],
    ['names with a number', ['job-3', 'job-1', 'job-2', 'job-2']],
    ['what happens to be an id of ours', ['k3v9x0q2-1041', 'k3v9x0q2-7', 'k3v9x0q2-1041']],
    ['UUIDs', ['2f1c-1', '2f1c-0']],
    ['numbers', ['7', '5', '5']],
  ])('every event arrives from a server whose ids are %s', async (_name, ids) => {
    const { server, client } = await open()
    const seen: string[] = []
    client.onAny((event) => seen.push(event.lastEventId))
    server.last.write(ids.map((id, index) => `id: ${id}\ndata: ${index}\n\n`).join(''))
    expect([seen, client.lastEventId]).toEqual([ids, ids.at(-1)])
    client.close()
  })

  it('every event arrives when sse-server declares that ids belong to the application, and its end completes the stream', async () => {
    const { server, client } = await open()
    const seen: string[] = []
    client.onAny((event) => seen.push(event.lastEventId))
    server.last.write(': sse-toolkit 1\n\n: opaque ids\nid: job-3\ndata: a\n\nid: job-1\ndata: b\n\n')
    expect([seen, client.lastEventId]).toEqual([['job-3', 'job-1'], 'job-1'])
    server.last.write('event: stream.end\ndata: {"reason":"completed"}\n\n')
    expect(await client.closed).toBe('completed')
  })

  it.each(['text', 'json'] as const)(
    'an event from sse-server carries its topic, if it has one (%s)',
    async (data) => {
      const { server, client } = await open({ data: data as 'text' })
      const seen: unknown[] = []
      client.onAny((event) => seen.push(event))
      server.last.write(': sse-toolkit 1\n\ntopic: orders.1\nid: e-1\ndata: 1\n\nid: e-2\ndata: 2\n\n')
      const [one, two] = data === 'json' ? [1, 2] : ['1', '2']
      expect(seen).toEqual([
        { type: 'message', data: one, lastEventId: 'e-1', topic: 'orders.1' },
        { type: 'message', data: two, lastEventId: 'e-2' },
      ])
      client.close()
    },
  )

  it('the field topic from another server is ignored', async () => {
    const { server, client } = await open()
    const seen: unknown[] = []
    client.onAny((event) => seen.push(event))
    server.last.write('topic: orders.1\nid: 1\ndata: x\n\n')
    expect(seen).toEqual([{ type: 'message', data: 'x', lastEventId: '1' }])
    client.close()
  })

  it("each connection must show the contract's mark: nothing is dropped on a second one without it", async () => {
    const { server, client } = await open({ reconnection: { baseDelayMs: 0, minDelayMs: 0 } })
    const seen: string[] = []
    client.onAny((event) => seen.push(event.data))
    server.last.write(': sse-toolkit 1\n\nid: e-2\ndata: a\n\nid: e-1\ndata: repeat\n\n')
    server.last.end()
    await expect.poll(() => server.exchanges.length).toBe(2)
    server.last.respond()
    server.last.write('id: e-2\ndata: b\n\nid: e-1\ndata: c\n\n')
    expect(seen).toEqual(['a', 'b', 'c'])
    client.close()
  })
})

describe('the end of a stream', () => {
  it('a terminator completes the stream and is not delivered, nor is anything after it', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      data: 'json',
      terminator: '[DONE]',
    })
    const seen: unknown[] = []
    client.onAny(({ data }) => seen.push(data))
    await nextTurn()
    server.last.respond()
    server.last.write('data: {"a":1}\n\ndata:\n\ndata: [DONE]\n\ndata: 2\n\n')
    expect(await client.closed).toBe('completed')
    expect([seen, server.openCount]).toEqual([[{ a: 1 }, ''], 0])
  })

  it('a body that ends within an event leaves a request that is not repeated incomplete, and the event is not delivered', async () => {
    const { server, client } = await open({ method: 'POST' })
    const taken = take(client, 2)
    server.last.write('data: a\n\ndata: b\n')
    server.last.end()
    await expect(taken).rejects.toMatchObject({ code: 'interrupted', cause: { code: 'unfinished' } })
  })

  it('with unfinishedEvent: dispatch, a body that ends within an event delivers it, and completes', async () => {
    const { server, client } = await open({ method: 'POST', unfinishedEvent: 'dispatch' })
    const taken = take(client, 3)
    server.last.write('data: a\n\ndata: b')
    server.last.end()
    expect(textOf(await taken)).toEqual(['a', 'b'])
    expect(await client.closed).toBe('completed')
  })

  it('a request that starts work is made once, and a different request resumes it', async () => {
    const server = createMemoryServer()
    const client = createEventSource(({ isFirst }) => `http://test/${isFirst ? 'start' : 'resume'}`, {
      transport: server.transport,
      method: ({ isFirst }) => (isFirst ? 'post' : 'GET'),
      body: ({ isFirst }) => (isFirst ? 'question' : undefined),
      reconnection: { baseDelayMs: 0, minDelayMs: 0 },
    })
    client.onAny(() => {})
    await nextTurn()
    server.last.respond()
    server.last.write('id: 1\ndata: a\n\n')
    server.last.fail(new Error('cut'))
    await expect.poll(() => server.exchanges.length).toBe(2)
    client.reconnect()
    await expect.poll(() => server.exchanges.length).toBe(3)
    expect(
      server.exchanges.map(({ request: { method, url, body } }) => [method, url.pathname, body ?? null]),
    ).toEqual([
      ['POST', '/start', 'question'],
      ['GET', '/resume', null],
      ['GET', '/resume', null],
    ])
    server.last.respond()
    server.last.end()
    expect(await client.closed).toBe('completed')
  })
})

describe('strings are read as they are', () => {
  const string: StandardSchema<string> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        typeof value === 'string' ? { value } : { issues: [{ message: 'expected a string' }] },
    },
  }

  it.each([
    ['hello', 'hello'],
    ['123', '123'],
    ['true', 'true'],
    ['', ''],
    ['{"a":1}', '{"a":1}'],
    ['"quoted"', '"quoted"'],
  ])('a string schema reads %j from sse-server as %j', async (data, expected) => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      events: { said: string },
    })
    const seen: string[] = []
    client.on('said', (event) => seen.push(event.data))
    await nextTurn()
    server.last.respondMarked()
    server.last.write(`event: said\ndata: ${data}\n\n`)
    expect(seen).toEqual([expected])
    client.close()
  })

  it.each([
    ['a string', 'hello', 'hello'],
    ['JSON', '{"a":1}', { a: 1 }],
    ['nothing', '', ''],
  ])('data: json reads %s from sse-server', async (_name, data, expected) => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', { transport: server.transport, data: 'json' })
    const seen: unknown[] = []
    client.onAny((event) => seen.push(event.data))
    await nextTurn()
    server.last.respondMarked()
    server.last.write(`data: ${data}\n\n`)
    expect(seen).toEqual([expected])
    client.close()
  })
})

interface RecordingStore extends LastEventIdStore {
  readonly saved: string[]
}

const recordingStore = (initial?: string): RecordingStore => {
  const saved: string[] = []
  return { saved, load: () => initial, save: (id) => void saved.push(id) }
}

describe('the last event ID', () => {
  const requestHeader = async (options: EventSourceOptions): Promise<string | null> => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/?a=1', { transport: server.transport, ...options })
    await expect.poll(() => server.exchanges.length).toBe(1)
    client.close()
    const { url, headers } = server.last.request
    return headers.get('last-event-id') ?? url.search
  }

  it.each([
    ['is not sent when there is none', {}, '?a=1'],
    ['is seeded by lastEventId', { lastEventId: 'x 1' }, 'x 1'],
    ['may go as a query parameter', { lastEventId: 'x&1', resumeBy: 'query' }, '?a=1&lastEventId=x%261'],
    ['is loaded from a store', { lastEventIdStore: recordingStore('s-1') }, 's-1'],
    ['is not loaded when it is given', { lastEventIdStore: recordingStore('s-1'), lastEventId: 'x' }, 'x'],
    [
      'goes as a query parameter if no field can hold it',
      { lastEventId: 'a\u0001b' },
      '?a=1&lastEventId=a%01b',
    ],
  ] as const)('the last event ID %s', async (_name, options, expected) => {
    expect(await requestHeader(options)).toBe(expected)
  })

  it('the last event ID is sent as UTF-8 bytes', async () => {
    const header = await requestHeader({ lastEventId: 'é…😀' })
    expect(Buffer.from(header ?? '', 'latin1').toString('utf8')).toBe('é…😀')
  })

  it('the last event ID is saved once the listeners have run', async () => {
    const store = recordingStore()
    const { server, client } = await open({ lastEventIdStore: store })
    client.onAny(() => expect(store.saved).not.toContain('2'))
    server.last.write('id: 1\ndata: a\n\nid: 2\ndata: b\n\n')
    await nextTurn()
    expect(store.saved).toEqual(['2'])
    server.last.write('id: 3\n\n')
    await nextTurn()
    expect(store.saved).toEqual(['2', '3'])
    client.close()
  })

  it('the last event ID is saved when the loop asks for the next event, not when it was given one', async () => {
    const store = recordingStore()
    const { server, client } = await open({ lastEventIdStore: store })
    const iterator = client[Symbol.asyncIterator]()
    server.last.write('id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\n\n')
    await iterator.next()
    await nextTurn()
    expect([store.saved, client.lastEventId]).toEqual([[], '3'])
    await iterator.next()
    await nextTurn()
    expect(store.saved).toEqual(['1'])
    client.close()
  })

  it('the last event ID is saved before `closed` resolves, one save at a time', async () => {
    const saved: string[] = []
    let saving = 0
    const lastEventIdStore: LastEventIdStore = {
      load: () => Promise.resolve(null),
      async save(id) {
        saving += 1
        expect(saving).toBe(1)
        await nextTurn()
        saving -= 1
        saved.push(id)
      },
    }
    const server = createMemoryServer()
    const client = createEventSource('http://test/', { transport: server.transport, lastEventIdStore })
    client.onAny(() => {})
    await nextTurn()
    server.last.respond()
    for (const id of ['1', '2', '3']) {
      server.last.write(`id: ${id}\ndata: x\n\n`)
      await Promise.resolve()
      await Promise.resolve()
    }
    client.close()
    await client.closed
    expect(saved).toEqual(['1', '3'])
  })

  it('a last event ID that cannot be saved is reported, and the stream goes on', async () => {
    const lastEventIdStore: LastEventIdStore = {
      load: () => undefined,
      save: () => {
        throw new Error('quota')
      },
    }
    const { server, client } = await open({ lastEventIdStore })
    const errors: unknown[] = []
    client.onError((error) => errors.push(error))
    client.onAny(() => {})
    server.last.write('id: 1\ndata: a\n\n')
    await nextTurn()
    expect(errors).toMatchObject([
      { code: 'last-event-id-not-saved', lastEventId: '1', cause: { message: 'quota' } },
    ])
    expect(errors[0]).toBeInstanceOf(LastEventIdStoreError)
    expect(client.status.state).toBe('open')
    client.close()
  })

  it('a last event ID that cannot be loaded is asked for again: a stream without its position would lose events', async () => {
    const server = createMemoryServer()
    let loads = 0
    const lastEventIdStore: LastEventIdStore = {
      load: () => {
        loads += 1
        if (loads === 1) throw new Error('locked')
        return 's-9'
      },
      save: () => {},
    }
    const client = createEventSource('http://test/', {
      transport: server.transport,
      lastEventIdStore,
      reconnection: { baseDelayMs: 0, minDelayMs: 0 },
    })
    const causes: unknown[] = []
    client.onStatus((status) => status.state === 'reconnecting' && causes.push(status.cause))
    await expect.poll(() => server.exchanges.length).toBe(1)
    expect(server.last.request.headers.get('last-event-id')).toBe('s-9')
    expect(causes).toMatchObject([{ code: 'callback', cause: { message: 'locked' } }])
    client.close()
  })

  it('a last event ID that is loaded after another attempt has gone on does not move the position back', async () => {
    const server = createMemoryServer()
    const slow = Promise.withResolvers<string>()
    const loads = [slow.promise, '1']
    const lastEventIdStore: LastEventIdStore = { load: () => loads.shift(), save: () => {} }
    const client = createEventSource('http://test/', { transport: server.transport, lastEventIdStore })
    client.onAny(() => {})
    client.reconnect()
    await nextTurn()
    server.last.respond()
    server.last.write('id: 2\ndata: x\n\n')
    slow.resolve('1')
    await nextTurn()
    expect(client.lastEventId).toBe('2')
    client.close()
  })
})

describe('the request', () => {
  it('the request functions are called for each attempt, with its number', async () => {
    const server = createMemoryServer()
    const contexts: unknown[] = []
    const client = createEventSource(({ attempt }) => `http://test/${attempt}`, {
      transport: server.transport,
      method: 'POST',
      reconnect: 'always',
      headers: async ({ attempt, lastEventId, cause }) => {
        contexts.push([attempt, lastEventId, cause?.code])
        return { 'x-attempt': String(attempt) }
      },
      body: ({ attempt }) => `body ${attempt}`,
      reconnection: { baseDelayMs: 0, minDelayMs: 0 },
    })
    client.onAny(() => {})
    await nextTurn()
    server.last.respond()
    server.last.write('id: 7\ndata: a\n\n')
    server.last.end()
    await expect.poll(() => server.exchanges.length).toBe(2)
    client.close()
    expect(contexts).toEqual([
      [0, '', undefined],
      [1, '7', 'ended'],
    ])
    const { url, headers, body, method } = server.last.request
    expect([url.href, headers.get('x-attempt'), body, method, headers.get('accept')]).toEqual([
      'http://test/1',
      '1',
      'body 1',
      'POST',
      'text/event-stream',
    ])
  })

  it('the signal of the functions that make a request is aborted when the attempt is given up', async () => {
    const server = createMemoryServer()
    const called = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      headers: ({ signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => aborted.resolve())
          called.resolve()
        }),
    })
    await called.promise
    client.close()
    await aborted.promise
    expect(server.exchanges).toHaveLength(0)
  })
})

describe('a request that is given up', () => {
  it('the request functions are not called again once the attempt is given up', async () => {
    const asked: string[] = []
    const client = createEventSource(() => 'http://test/', {
      transport: createMemoryServer().transport,
      headers: () => {
        asked.push('headers')
        client.close()
        return {}
      },
      body: () => {
        asked.push('body')
        return ''
      },
    })
    await client.closed
    await nextTurn()
    expect(asked).toEqual(['headers'])
  })
})

describe('an AbortSignal', () => {
  it('an AbortSignal closes the stream', async () => {
    const controller = new AbortController()
    const { server, client } = await open({ signal: controller.signal })
    const loop = take(client, 1)
    controller.abort()
    expect([await client.closed, await loop, server.openCount]).toEqual(['aborted', [], 0])
  })

  it('nothing begins if the AbortSignal is already aborted', async () => {
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      signal: AbortSignal.abort(),
    })
    expect([await client.closed, server.exchanges.length]).toEqual(['aborted', 0])
    expect(await take(client, 1)).toEqual([])
  })
})
