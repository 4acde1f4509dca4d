import { EventEmitter, on } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { patience } from '@sse-toolkit/test-support'
import {
  byteSourceSymbol,
  createHub,
  EVENT_STREAM_HEADERS,
  formatEvent,
  memoryLog,
  respond,
  respondOnFirstEvent,
  respondRaw,
  respondRawOnFirstPiece,
} from '@sse-toolkit/sse-server'
import type {
  CloseReason,
  EventSchemas,
  EventStream,
  EventStreamSource,
  RespondOptions,
  ServerSentEvent,
  StandardSchema,
} from '@sse-toolkit/sse-server'
import { attach, failed, mark, RecordingSink } from './recording-sink.ts'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

const quiet = { heartbeatIntervalMs: 0 } as const
const three: readonly ServerSentEvent[] = [{ data: '1' }, { data: '2' }, { data: '3' }]
const threeRaw = 'data: 1\n\ndata: 2\n\ndata: 3\n\n'
const threeOnTheWire = mark + threeRaw

async function* generateThree(): AsyncGenerator<ServerSentEvent> {
  for (const event of three) {
    await turn()
    yield event
  }
}

describe('the response', () => {
  it('is 200 with the header fields of an event stream, without fields that the server sets', () => {
    const { status, headers } = respond([])
    expect(status).toBe(200)
    expect(Object.fromEntries(headers)).toEqual(EVENT_STREAM_HEADERS)
  })

  it('takes further header fields, which replace its own', () => {
    const { headers } = respond([], {
      headers: [
        ['Cache-Control', 'no-store'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ],
    })
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-type')).toBe('text/event-stream')
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  it('declares once that ids belong to the application, before the first id that looks like a position', async () => {
    const ids = ['5', 'job-3', 'job-1']
    const response = respond(
      ids.map((id) => ({ id, data: '' })),
      quiet,
    )
    expect(await response.text()).toBe(
      `${mark}id: 5\ndata: \n\n: opaque ids\n\nid: job-3\ndata: \n\nid: job-1\ndata: \n\n`,
    )
  })

  it('starts its source when the body is first read, not before', async () => {
    const source = vi.fn<() => Iterable<ServerSentEvent>>(() => three)
    const response = respond(source, quiet)
    await turn()
    expect(source).not.toHaveBeenCalled()
    expect(await response.text()).toBe(threeOnTheWire)
    expect(source).toHaveBeenCalledOnce()
  })

  it('to HEAD has the header fields, no body, and starts no source', async () => {
    const source = vi.fn<() => Iterable<ServerSentEvent>>(() => three)
    const response = respond(source, { request: new Request('http://localhost/', { method: 'HEAD' }) })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.body).toBeNull()
    expect(byteSourceSymbol in response).toBe(false)
    await turn()
    expect(source).not.toHaveBeenCalled()
  })

  it('can be taken by a server as shared bytes, or read as a body, but not both', async () => {
    const attached = respond(three, quiet)
    attach(attached)
    await expect(attached.text()).rejects.toThrow('read already')
    const read = respond(three, quiet)
    await read.text()
    expect(() => attach(read)).toThrow('read already')
  })
})

describe('a source', () => {
  const sources: readonly (readonly [string, () => EventStreamSource])[] = [
    ['an array', () => three],
    ['a Set', () => new Set(three)],
    ['a generator', () => three.values()],
    ['an async generator', generateThree],
    ['a ReadableStream', () => ReadableStream.from(three)],
    ['a generator function', () => () => three.values()],
    ['an async generator function', () => generateThree],
    ['a function that returns a ReadableStream', () => () => ReadableStream.from(three)],
    ['an async function that returns an array', () => async () => three],
    ['an async function that returns a ReadableStream', () => async () => ReadableStream.from(three)],
    [
      'a callback that pushes',
      () => (stream) => {
        for (const event of three) stream.send(event)
        stream.close()
      },
    ],
    [
      'an async callback that pushes',
      () => async (stream) => {
        for (const event of three) {
          await turn()
          stream.send(event)
        }
        stream.close()
      },
    ],
  ]
  it.each(sources)('may be %s', async (_name, source) => {
    expect(await respond(source(), quiet).text()).toBe(threeOnTheWire)
    const sink = attach(respond(source(), quiet))
    await vi.waitUntil(() => sink.ended === 'close', patience)
    expect(sink.text).toBe(threeOnTheWire)
  })

  it.each([
    ['a string', 'data'],
    ['a number', 7],
    ['null', null],
    ['an event', { data: 'x' }],
    ['a promise', Promise.resolve(three)],
  ])('may not be %s', (_name, source) => {
    expect(() => respond(source as never)).toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'source' }),
    )
  })

  it.each([
    ['returns', () => 'data'],
    ['promises', async () => 'data'],
  ])('that %s something other than a source ends the stream and is reported', async (_name, source) => {
    const onError = vi.fn<(error: unknown) => void>()
    expect(await respond(source as never, { ...quiet, onError }).text()).toBe(mark + failed)
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'invalid-option' }))
  })

  it('receives the last event ID that the client sends', async () => {
    const request = new Request('http://localhost/', { headers: { 'last-event-id': '1' } })
    const response = respond(
      async function* ({ lastEventId }) {
        for (let n = Number(lastEventId) + 1; n <= 3; n += 1) yield { id: String(n), data: n }
      },
      { ...quiet, request },
    )
    expect(await response.text()).toBe(mark + 'id: 2\ndata: 2\n\nid: 3\ndata: 3\n\n')
  })

  it('is read no faster than the client reads', async () => {
    let made = 0
    const sink = new RecordingSink()
    sink.reading = false
    attach(
      respond(function* () {
        for (;;) {
          made += 1
          yield { data: 'x'.repeat(1000) }
        }
      }, quiet),
      sink,
    )
    await turn()
    expect(made).toBeLessThan(100)
    const before = made
    await turn()
    expect(made).toBe(before)
    for (let round = 1; round <= 5; round += 1) {
      sink.drainOnce()
      await turn()
      expect(made).toBeLessThan(before + round * 100)
    }
    expect(made).toBeGreaterThan(before)
    sink.leave()
  })

  it('that throws sends a failure without the reason, which only onError gets', async () => {
    const failure = new Error('secret')
    const onError = vi.fn<(error: unknown) => void>()
    const onClose = vi.fn<(reason: CloseReason) => void>()
    const response = respond(
      async function* () {
        yield { data: '1' }
        throw failure
      },
      { ...quiet, onError, onClose },
    )
    expect(await response.text()).toBe(mark + 'data: 1\n\n' + failed)
    await turn()
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
    expect(onClose).toHaveBeenCalledExactlyOnceWith('error')
  })

  it.each<[string, EventStreamSource]>([
    [
      'a callback that throws',
      () => {
        throw new Error('secret')
      },
    ],
    ['an async callback that rejects', () => Promise.reject(new Error('secret'))],
    [
      'a ReadableStream that fails',
      new ReadableStream({
        start: (controller) => controller.error(new Error('secret')),
      }),
    ],
  ])('that fails as %s ends the stream too', async (_name, source) => {
    const onError = vi.fn<(error: unknown) => void>()
    expect(await respond(source, { ...quiet, onError }).text()).toBe(mark + failed)
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'secret' }))
  })

  it('that yields a value that cannot be formatted is ended, with one call of return', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const source = countingSource([{ data: '1' }, { id: 'a\nb', data: '' }, { data: '3' }])
    expect(await respond(source, { ...quiet, onError }).text()).toBe(mark + 'data: 1\n\n' + failed)
    await turn()
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'invalid-id' }))
    expect(source.returned).toBe(1)
  })
})

describe('when the client leaves', () => {
  it('the signal aborts and return is called once, while the source awaits', async () => {
    const events: string[] = []
    const sink = attach(
      respond(async function* ({ signal }) {
        try {
          yield { data: '1' }
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve)
          })
          events.push('aborted')
          yield { data: '2' }
          events.push('went on')
        } finally {
          events.push('finally')
        }
      }, quiet),
    )
    await turn()
    sink.leave()
    await turn()
    expect(events).toEqual(['aborted', 'finally'])
    expect(sink.text).toBe(mark + 'data: 1\n\n')
  })

  it('return is called on a sequence that arrives too late', async () => {
    const coming = Promise.withResolvers<AsyncGenerator<ServerSentEvent>>()
    const late = generateThree()
    const returned = vi.spyOn(late, 'return')
    const sink = attach(respond(() => coming.promise, quiet))
    sink.leave()
    coming.resolve(late)
    await turn()
    expect(returned).toHaveBeenCalledOnce()
  })

  it('return is called once, during a pending next', async () => {
    const source = countingSource([{ data: '1' }], 'wait')
    const sink = attach(respond(source, quiet))
    await turn()
    sink.leave()
    await turn()
    expect(source.returned).toBe(1)
  })

  it('return is called once, during backpressure', async () => {
    const source = countingSource(Array.from({ length: 1000 }, () => ({ data: 'x'.repeat(1000) })))
    const sink = new RecordingSink()
    sink.reading = false
    attach(respond(source, quiet), sink)
    await turn()
    sink.leave()
    await turn()
    expect(source.returned).toBe(1)
  })

  it('return is not called on a source that has ended', async () => {
    const source = countingSource([{ data: '1' }])
    expect(await respond(source, quiet).text()).toBe(mark + 'data: 1\n\n')
    await turn()
    expect(source.returned).toBe(0)
  })

  it('a pending read of a ReadableStream is cancelled', async () => {
    const cancel = vi.fn<() => void>()
    const sink = attach(respond(new ReadableStream<ServerSentEvent>({ cancel }), quiet))
    await turn()
    sink.leave()
    await turn()
    expect(cancel).toHaveBeenCalledOnce()
  })

  it('cancelling the body has the same effect', async () => {
    const onClose = vi.fn<(reason: CloseReason) => void>()
    const source = countingSource([{ data: '1' }], 'wait')
    const reader = respond(source, { ...quiet, onClose }).body?.getReader()
    await reader?.read()
    await reader?.cancel()
    await turn()
    expect(source.returned).toBe(1)
    expect(onClose).toHaveBeenCalledExactlyOnceWith('client')
  })

  it('aborting the request has the same effect, if the runtime does not cancel the body', async () => {
    const aborter = new AbortController()
    const onClose = vi.fn<(reason: CloseReason) => void>()
    const source = countingSource([{ data: '1' }], 'wait')
    const request = new Request('http://localhost/', { signal: aborter.signal })
    const reader = respond(source, { ...quiet, onClose, request }).body?.getReader()
    await reader?.read()
    aborter.abort()
    await expect(reader?.read()).resolves.toEqual({ done: true, value: undefined })
    await turn()
    expect(source.returned).toBe(1)
    expect(onClose).toHaveBeenCalledExactlyOnceWith('client')
  })

  it('an error of return is reported', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const failure = new Error('cannot end')
    const sink = attach(
      respond(
        { [Symbol.asyncIterator]: () => ({ next: never, return: () => Promise.reject(failure) }) },
        { ...quiet, onError },
      ),
    )
    await turn()
    sink.leave()
    await turn()
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
  })
})

describe('respondOnFirstEvent', () => {
  it('resolves with the first event, and the stream goes on', async () => {
    const response = await respondOnFirstEvent(generateThree, quiet)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(threeOnTheWire)
  })

  it('buffers events before the body is read, up to a limit', async () => {
    let made = 0
    const response = await respondOnFirstEvent(function* () {
      for (; made < 1000; made += 1) yield { data: 'x'.repeat(1000) }
    }, quiet)
    await turn()
    expect(made).toBeLessThan(200)
    expect((await response.text()).length).toBe(mark.length + 1000 * 1008)
  })

  it('works with a callback that pushes', async () => {
    const response = await respondOnFirstEvent(async (stream) => {
      await turn()
      stream.send({ data: '1' })
      stream.close()
    }, quiet)
    expect(await response.text()).toBe(mark + 'data: 1\n\n')
  })

  it('rejects with the error of a source that fails before', async () => {
    const failure = new Error('no rows')
    const onError = vi.fn<(error: unknown) => void>()
    const failing = respondOnFirstEvent(
      // oxlint-disable-next-line require-yield
      async function* () {
        await turn()
        throw failure
      },
      { ...quiet, onError },
    )
    await expect(failing).rejects.toBe(failure)
    expect(onError).not.toHaveBeenCalled()
  })

  it('resolves to an empty stream if the source ends before', async () => {
    const response = await respondOnFirstEvent([], quiet)
    expect([response.status, await response.text()]).toEqual([200, mark])
  })

  it('ends the source when the client leaves before', async () => {
    const aborter = new AbortController()
    const source = countingSource([], 'wait')
    const request = new Request('http://localhost/', { signal: aborter.signal })
    const response = respondOnFirstEvent(source, { ...quiet, request })
    await turn()
    aborter.abort()
    await response
    await turn()
    expect(source.returned).toBe(1)
  })

  it('starts nothing for HEAD', async () => {
    const source = vi.fn<() => Iterable<ServerSentEvent>>(() => three)
    const request = new Request('http://localhost/', { method: 'HEAD' })
    expect((await respondOnFirstEvent(source, { request })).body).toBeNull()
    expect(source).not.toHaveBeenCalled()
  })
})

describe('respondRaw', () => {
  it('passes strings and bytes on as they are', async () => {
    const pieces = [formatEvent({ data: '1' }), new TextEncoder().encode('data: 2\n\nda'), 'ta: 3\n\n']
    expect(await respondRaw(pieces).text()).toBe(threeRaw)
  })

  it('calls a function with the signal and the id', async () => {
    const response = respondRaw(({ lastEventId }) => [`data: ${lastEventId}\n\n`], { lastEventId: '7' })
    expect(await response.text()).toBe('data: 7\n\n')
  })

  it('writes a heartbeat only where the stream stands at the start of a line', async () => {
    const runtime = createVirtualRuntime()
    let push: ((piece: string) => void) | undefined
    const source = new ReadableStream<string>({
      start(controller) {
        push = (piece) => controller.enqueue(piece)
      },
    })
    const sink = attach(respondRaw(source, { runtime, heartbeatIntervalMs: 1000 }))
    for (const piece of ['data: a\n', 'data: b', '\r', '\n\r\n']) {
      push?.(piece)
      await turn()
      await runtime.clock.advance(1067)
      await turn()
    }
    expect(sink.text).toBe('data: a\n:\ndata: b\r\n\r\n:\n')
    sink.leave()
  })

  it('joins a surrogate pair that is split over two strings, and nothing else', async () => {
    const pieces = ['data: \ud83d', '', '\ude00', '\n\ndata: \ud83d', new TextEncoder().encode('\n\n')]
    expect(await respondRaw(pieces).text()).toBe('data: \u{1f600}\n\ndata: \ufffd\n\n')
  })

  it('refuses pieces that are neither strings nor bytes', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    await expect(respondRaw([7] as never, { onError }).text()).rejects.toThrow('broken off')
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'invalid-option' }))
  })
})

describe('an invalid option throws at the call, and the error names it', () => {
  it.each<[string, unknown]>([
    ['heartbeatIntervalMs', -1],
    ['heartbeatIntervalMs', Number.NaN],
    ['heartbeatIntervalMs', '15000'],
    ['heartbeatIntervalMs', 2 ** 31],
    ['reconnectionTimeMs', -1],
    ['reconnectionTimeMs', 1.5],
    ['maxBufferedBytes', 0],
    ['maxBufferedBytes', -5],
    ['slowConsumer', 'drop-newest'],
    ['stallTimeoutMs', -1],
    ['validate', true],
    ['signal', {}],
    ['request', { headers: { 'last-event-id': '7' }, url: '/' }],
    ['lastEventId', 7],
    ['onClose', 'close'],
    ['onError', 'log'],
    ['headers', { 'bad name': 'x' }],
  ])('%s: %o', (option, value) => {
    const options = { [option]: value } as RespondOptions
    expect(() => respond([], options)).toThrow(expect.objectContaining({ code: 'invalid-option', option }))
    expect(() => respond([], options)).toThrow(option)
  })

  it('a heartbeat that cannot be formatted', () => {
    expect(() => respond([], { heartbeat: { id: 'a\nb', data: '' } })).toThrow(
      expect.objectContaining({ code: 'invalid-id' }),
    )
  })
})

describe('typed events', () => {
  const events = { paid: numberField('total'), message: numberField('n') } satisfies EventSchemas

  it('types sent data, and checks it if validate is set', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const response = respond<typeof events>(
      (stream) => {
        stream.send({ event: 'paid', data: { total: 12 } })
        stream.send({ data: { n: 1 } })
        // @ts-expect-error -- no such type
        expect(() => stream.send({ event: 'lost', data: { total: 1 } })).toThrow(
          expect.objectContaining({ code: 'invalid-event' }),
        )
        // @ts-expect-error -- not what the schema accepts
        expect(() => stream.send({ event: 'paid', data: { total: 'much' } })).toThrow(
          expect.objectContaining({
            code: 'invalid-data',
            message: expect.stringContaining('total must be a number'),
          }),
        )
        // @ts-expect-error -- an inherited property is not a schema
        expect(() => stream.send({ event: 'toString', data: '' })).toThrow(
          expect.objectContaining({ code: 'invalid-event' }),
        )
        stream.close()
      },
      { ...quiet, events, validate: 'on-send', onError },
    )
    expect(await response.text()).toBe(mark + 'event: paid\ndata: {"total":12}\n\ndata: {"n":1}\n\n')
    expect(onError).not.toHaveBeenCalled()
  })

  it('checks nothing by default', async () => {
    const response = respond(() => [{ event: 'paid', data: { total: 'much' } }] as never, {
      ...quiet,
      events,
    })
    expect(await response.text()).toBe(mark + 'event: paid\ndata: {"total":"much"}\n\n')
  })

  it("sends the data itself, not the schema's output", async () => {
    const date: StandardSchema<string, Date> = {
      '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: new Date(String(value)) }) },
    }
    const response = respond([{ event: 'at', data: '2026-01-01' }], {
      ...quiet,
      events: { at: date },
      validate: 'on-send',
    })
    expect(await response.text()).toBe(mark + 'event: at\ndata: 2026-01-01\n\n')
  })

  it('refuses a schema that validates asynchronously', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const later: StandardSchema = {
      '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value }) },
    }
    await respond([{ event: 'at', data: '' }], {
      ...quiet,
      events: { at: later },
      validate: 'on-send',
      onError,
    }).text()
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ option: 'events.at' }))
  })

  function numberField<Name extends string>(name: Name): StandardSchema<Record<Name, number>> {
    return {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) =>
          typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'number'
            ? { value: value as Record<Name, number> }
            : { issues: [{ message: `${name} must be a number` }] },
      },
    }
  }
})

const never = (): Promise<never> => new Promise(() => undefined)

/** An async iterable that counts calls of `return`; after its events it waits, if asked to. */
function countingSource(events: readonly ServerSentEvent[], atEnd: 'end' | 'wait' = 'end') {
  let index = 0
  const source = {
    returned: 0,
    [Symbol.asyncIterator]: () => ({
      next: (): Promise<IteratorResult<ServerSentEvent>> => {
        const value = events[index]
        index += 1
        if (value !== undefined) return Promise.resolve({ done: false, value })
        return atEnd === 'wait' ? never() : Promise.resolve({ done: true, value: undefined })
      },
      return: () => {
        source.returned += 1
        return Promise.resolve({ done: true as const, value: undefined })
      },
    }),
  }
  return source
}

it.each<[string, () => Response]>([
  [
    'events that are dropped',
    () =>
      respond(
        function* () {
          for (let n = 0; n < 100_000; n += 1) yield { comment: '' }
        },
        { heartbeatIntervalMs: 0 },
      ),
  ],
  [
    'pieces that are empty',
    () =>
      respondRaw(function* () {
        for (let n = 0; n < 100_000; n += 1) yield ''
      }),
  ],
])('a source that never waits lets the event loop turn: %s', async (_name, answer) => {
  const sink = attach(answer())
  await new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve))
  })
  expect(sink.ended).toBeUndefined()
  sink.leave()
})

describe('an error that a source throws after the client left', () => {
  it.each<[string, (stream: EventStream) => AsyncIterable<{ data: string }>]>([
    [
      'of a timer',
      async function* ({ signal }) {
        yield { data: 'x' }
        await delay(60_000, undefined, { signal })
      },
    ],
    [
      'of events.on',
      async function* ({ signal }) {
        for await (const [data] of on(new EventEmitter(), 'x', { signal })) yield { data: String(data) }
      },
    ],
    [
      'of its own making',
      async function* ({ signal }) {
        yield { data: 'x' }
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw new Error('The upstream is closed')
      },
    ],
  ])('%s is expected, and not reported', async (_name, source) => {
    const errors: unknown[] = []
    const sink = attach(respond(source, { onError: (error) => errors.push(error) }))
    await turn()
    sink.leave()
    await turn()
    expect(errors).toEqual([])
  })
})

it('a Readable of Node is destroyed when the client leaves, and not at its next chunk', async () => {
  const readable = new Readable({ objectMode: true, read: () => undefined })
  const errors: unknown[] = []
  const sink = attach(
    respond(readable as AsyncIterable<{ data: string }>, { onError: (error) => errors.push(error) }),
  )
  readable.push({ data: 'x' })
  await turn()
  expect(sink.text).toContain('data: x')
  sink.leave()
  await turn()
  expect([readable.destroyed, errors]).toEqual([true, []])
})

it('fields without a value are not sent', () => {
  const response = respond([], { headers: { 'x-set': 'yes', 'x-absent': undefined } as never })
  expect([response.headers.get('x-set'), response.headers.has('x-absent')]).toEqual(['yes', false])
})

describe('an unknown option is refused by name, with a suggestion', () => {
  it.each<[string, (options: never) => unknown, object, string]>([
    ['respond', (options) => respond([], options), { heartbeatInterval: 5 }, 'heartbeatIntervalMs'],
    ['respond', (options) => respond([], options), { keepAlive: 5 }, 'heartbeatIntervalMs'],
    ['respondRaw', (options) => respondRaw([], options), { retryMs: 5 }, 'reconnectionTimeMs'],
    ['createHub', (options) => createHub(options), { maxConnection: 5 }, 'maxConnections'],
    ['createHub', (options) => createHub(options), { autorize: () => ({}) }, 'authorize'],
    ['createHub', (options) => createHub(options), { slowconsumer: 'latest' }, 'slowConsumer'],
    ['memoryLog', (options) => memoryLog(options), { maxAge: 5 }, 'maxAgeMs'],
  ])('%s: %o', (_name, call, options, meant) => {
    const [option] = Object.keys(options)
    expect(() => call(options as never)).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        option,
        message: expect.stringContaining(`did you mean ${meant}?`),
      }),
    )
  })

  it('subscribe: topic', async () => {
    const hub = createHub()
    await expect(hub.subscribe(new Request('http://localhost/'), { topic: ['a'] } as object)).rejects.toThrow(
      'topic: expected a known option (did you mean topics?), got ["a"].',
    )
    await hub.close()
  })

  it('suggests nothing if no option is similar', () => {
    expect(() => respond([], { colour: 'red' } as object)).toThrow(
      'colour: expected a known option, got "red".',
    )
  })
})

describe('respondRawOnFirstPiece', () => {
  it('resolves with the first piece that is not empty, and the rest follows unchanged', async () => {
    const response = await respondRawOnFirstPiece(async function* () {
      yield ''
      await turn()
      yield 'data: 1\n'
      yield '\ndata: 2\n\ndata: 3\n\n'
    }, quiet)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    expect(await response.text()).toBe(threeRaw)
  })

  it('rejects with the error of a source that fails before, and does not report it', async () => {
    const failure = new Error('no upstream')
    const onError = vi.fn<(error: unknown) => void>()
    await expect(respondRawOnFirstPiece(() => Promise.reject(failure), { ...quiet, onError })).rejects.toBe(
      failure,
    )
    expect(onError).not.toHaveBeenCalled()
  })

  it('breaks off if the source fails later, after the pieces before', async () => {
    const response = await respondRawOnFirstPiece(
      async function* () {
        yield 'data: 1\n\n'
        await turn()
        throw new Error('upstream cut')
      },
      { ...quiet, onError: () => undefined },
    )
    await expect(response.text()).rejects.toThrow('broken off')
  })

  it('resolves to an empty stream if the source ends before', async () => {
    const response = await respondRawOnFirstPiece([], quiet)
    expect([response.status, await response.text()]).toEqual([200, ''])
  })

  it('ends the source when the client leaves before, and starts nothing for HEAD', async () => {
    const aborter = new AbortController()
    const source = countingSource([], 'wait') as never
    const request = new Request('http://localhost/', { signal: aborter.signal })
    const response = respondRawOnFirstPiece(source, { ...quiet, request })
    await turn()
    aborter.abort()
    await response
    await turn()
    expect((source as ReturnType<typeof countingSource>).returned).toBe(1)
    const started = vi.fn<() => Iterable<string>>(() => [])
    const head = new Request('http://localhost/', { method: 'HEAD' })
    await respondRawOnFirstPiece(started, { request: head })
    expect(started).not.toHaveBeenCalled()
  })
})
