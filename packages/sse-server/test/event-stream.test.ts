import { createParser } from 'eventsource-parser'
import type { EventSourceMessage } from 'eventsource-parser'
import { describe, expect, it, vi } from 'vitest'
import { respond } from '@sse-toolkit/sse-server'
import type { CloseReason, EventStream, RespondOptions } from '@sse-toolkit/sse-server'
import { attach, mark, RecordingSink } from './recording-sink.ts'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

function open(options: RespondOptions = {}, sink: RecordingSink = new RecordingSink()) {
  const runtime = (options.runtime as ReturnType<typeof createVirtualRuntime>) ?? createVirtualRuntime()
  let opened: EventStream | undefined
  const onClose = vi.fn<(reason: CloseReason) => void>()
  attach(
    respond(
      (stream) => {
        opened = stream
      },
      { runtime, heartbeatIntervalMs: 0, onClose, ...options },
    ),
    sink,
  )
  if (opened === undefined) throw new Error('the source was not started')
  return { runtime, sink, stream: opened, onClose }
}

function eventsOf(sink: RecordingSink): EventSourceMessage[] {
  const events: EventSourceMessage[] = []
  createParser({ onEvent: (event) => events.push(event) }).feed(sink.text)
  return events
}

describe('one write for each turn', () => {
  it('joins the events sent during a turn', async () => {
    const { sink, stream } = open()
    stream.send({ data: 'a' })
    stream.comment('b')
    await Promise.resolve()
    stream.send({ data: 'c' })
    expect(sink.writes).toHaveLength(0)
    await turn()
    expect(sink.writes).toHaveLength(1)
    expect(sink.text).toBe(mark + 'data: a\n\n: b\n\ndata: c\n\n')
  })

  it('frames the same bytes as one chunk (RFC 9112 section 7.1)', async () => {
    const { sink, stream } = open()
    stream.send({ data: 'é' })
    stream.send({ data: 'b' })
    await turn()
    expect(new TextDecoder().decode(sink.writes[0]?.chunk)).toBe(`24\r\n${mark}data: é\n\ndata: b\n\n\r\n`)
  })

  it('writes in between when a turn brings more than 64 KiB', async () => {
    const { sink, stream } = open()
    for (let n = 0; n < 100; n += 1) stream.send({ data: 'x'.repeat(1000) })
    expect(sink.writes.length).toBe(1)
    await turn()
    expect(sink.writes.length).toBe(2)
    expect(eventsOf(sink)).toHaveLength(100)
  })
})

describe('send', () => {
  it('says whether the event was taken', async () => {
    const { sink, stream } = open()
    expect(stream.send({ data: 'a' })).toBe(true)
    stream.close()
    expect(stream.send({ data: 'b' })).toBe(false)
    expect(stream.comment()).toBe(false)
    await turn()
    expect(sink.text).toBe(mark + 'data: a\n\n')
  })

  it('throws for an event that cannot be formatted, and the stream stays open', async () => {
    const { sink, stream } = open()
    expect(() => stream.send({ id: 'a\nb', data: '' })).toThrow(
      expect.objectContaining({ code: 'invalid-id' }),
    )
    expect(stream.send({ data: 'a' })).toBe(true)
    await turn()
    expect(sink.text).toBe(mark + 'data: a\n\n')
  })
})

describe('close', () => {
  it('ends the stream after the events already sent, with the reason server', async () => {
    const { sink, stream, onClose } = open()
    stream.send({ data: 'a' })
    stream.close()
    stream.close()
    await expect(stream.closed).resolves.toBe('server')
    expect([sink.text, sink.ended]).toEqual([mark + 'data: a\n\n', 'close'])
    expect(stream.signal.aborted).toBe(true)
    expect(onClose).toHaveBeenCalledExactlyOnceWith('server')
  })

  it('waits for a reader that has not taken everything yet', async () => {
    const { sink, stream } = open()
    sink.reading = false
    stream.send({ data: 'a' })
    await turn()
    stream.send({ data: 'b' })
    stream.close()
    expect(sink.ended).toBeUndefined()
    sink.resume()
    await expect(stream.closed).resolves.toBe('server')
    expect([sink.text, sink.ended]).toEqual([mark + 'data: a\n\ndata: b\n\n', 'close'])
  })

  it('destroys the connection after stallTimeoutMs', async () => {
    const { runtime, sink, stream } = open({ stallTimeoutMs: 5000 })
    sink.reading = false
    stream.send({ data: 'a' })
    await turn()
    stream.close()
    await runtime.clock.advance(4999)
    expect(sink.ended).toBeUndefined()
    await runtime.clock.advance(1)
    expect(sink.ended).toBe('abort')
    await expect(stream.closed).resolves.toBe('server')
  })

  it('follows from the signal given, also when it has aborted before', async () => {
    const aborter = new AbortController()
    const first = open({ signal: aborter.signal })
    aborter.abort()
    const second = open({ signal: aborter.signal })
    await expect(first.stream.closed).resolves.toBe('server')
    await expect(second.stream.closed).resolves.toBe('server')
  })

  it('by the client gives the reason client, and settles everything that waits', async () => {
    const { runtime, sink, stream, onClose } = open({ heartbeatIntervalMs: 1000 })
    const { signal } = stream
    sink.reading = false
    await turn()
    const ready = stream.ready()
    sink.leave()
    await expect(stream.closed).resolves.toBe('client')
    await expect(ready).resolves.toBe(false)
    await expect(stream.ready()).resolves.toBe(false)
    expect(signal.aborted).toBe(true)
    expect(onClose).toHaveBeenCalledExactlyOnceWith('client')
    expect(runtime.clock.pendingTimers).toBe(0)
  })

  it('survives an onClose that throws, and tells onError', async () => {
    const failure = new Error('no')
    const onError = vi.fn<(error: unknown) => void>()
    const onClose = (): void => {
      throw failure
    }
    const { sink, stream } = open({ onClose, onError })
    sink.leave()
    await expect(stream.closed).resolves.toBe('client')
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
  })

  it('leaves no listener on the signal given', () => {
    const aborter = new AbortController()
    const add = vi.spyOn(aborter.signal, 'addEventListener')
    const remove = vi.spyOn(aborter.signal, 'removeEventListener')
    const { sink } = open({ signal: aborter.signal })
    sink.leave()
    expect(add).toHaveBeenCalledOnce()
    expect(remove.mock.calls[0]?.slice(0, 2)).toEqual(add.mock.calls[0]?.slice(0, 2))
  })
})

describe('ready', () => {
  it('is true while there is room, and otherwise waits for the reader', async () => {
    const { sink, stream } = open()
    await expect(stream.ready()).resolves.toBe(true)
    sink.reading = false
    stream.send({ data: 'a' })
    await turn()
    let settled = false
    const ready = stream.ready().then((room) => {
      settled = true
      return room
    })
    await turn()
    expect(settled).toBe(false)
    sink.resume()
    await expect(ready).resolves.toBe(true)
  })
})

describe('a slow consumer', () => {
  const block = { data: 'x'.repeat(994) } // 1002 bytes as a block

  async function flood(options: RespondOptions, count = 50) {
    const sink = new RecordingSink()
    const opened = open({ maxBufferedBytes: 10_000, ...options }, sink)
    sink.reading = false
    opened.stream.send({ id: 'first', data: '' })
    await turn()
    let peak = 0
    for (let n = 1; n <= count; n += 1) {
      opened.stream.send({ ...block, id: String(n), event: `type${n % 3}` })
      peak = Math.max(peak, opened.stream.bufferedBytes)
    }
    return { ...opened, peak }
  }

  it('is disconnected by default, and at most the limit and one frame are buffered', async () => {
    const { sink, stream, peak } = await flood({ onError: () => undefined })
    await expect(stream.closed).resolves.toBe('slow-consumer')
    expect(sink.ended).toBe('abort')
    expect(peak).toBeLessThanOrEqual(10_000 + 1100)
    expect(stream.bufferedBytes).toBeLessThanOrEqual(20 + mark.length)
  })

  it('that was overrun within one turn is reported once to each onError, with advice', async () => {
    const errors: unknown[] = []
    const onError = (error: unknown): void => void errors.push(error)
    const { runtime } = await flood({ onError })
    expect(errors).toMatchObject([
      { code: 'buffer-overflow', limit: 10_000, message: expect.stringContaining('await stream.ready()') },
    ])
    await flood({ onError, runtime })
    expect(errors).toHaveLength(1)
    const others: unknown[] = []
    await flood({ onError: (error) => others.push(error), runtime })
    expect(others).toHaveLength(1)
  })

  it('that had time to read is not reported, nor is one under a policy that drops', async () => {
    const errors: unknown[] = []
    const onError = (error: unknown): void => void errors.push(error)
    await flood({ onError, slowConsumer: 'drop-oldest' })
    await flood({ onError, slowConsumer: 'latest' })
    const { runtime, sink, stream } = open({ onError, maxBufferedBytes: 10_000 })
    sink.reading = false
    stream.send(block)
    await turn()
    await runtime.clock.advance(1000)
    while (stream.send(block)) await turn()
    expect(await stream.closed).toBe('slow-consumer')
    expect(errors).toEqual([])
  })

  it('under drop-oldest loses the oldest events, and gets a gap before the next one', async () => {
    const { sink, stream, peak } = await flood({ slowConsumer: 'drop-oldest' })
    expect(peak).toBeLessThanOrEqual(10_000 + 1100)
    sink.resume()
    await turn()
    const events = eventsOf(sink)
    const kept = events.slice(2).map((event) => Number(event.id))
    expect(kept.length).toBeGreaterThan(5)
    expect(kept).toEqual(kept.map((_, index) => 50 - kept.length + 1 + index))
    expect(events[1]).toEqual({
      event: 'stream.gap',
      id: String(50 - kept.length),
      data: JSON.stringify({
        reason: 'dropped',
        requested: 'first',
        earliest: String(50 - kept.length + 1),
        latest: '50',
      }),
    })
    stream.send({ id: '51', data: '' })
    await turn()
    expect(eventsOf(sink).map((event) => event.event)).not.toContain(['stream.gap', 'stream.gap'])
  })

  it('under latest keeps the newest of each key, and loses nothing else', async () => {
    const { sink } = await flood({ slowConsumer: 'latest' })
    sink.resume()
    await turn()
    expect(eventsOf(sink).map((event) => event.id)).toEqual(['first', '48', '49', '50'])
  })

  it('under latest gets every event while the output has room, and then the newest of each key, far below the limit', async () => {
    const { sink, stream } = open({ slowConsumer: 'latest' })
    for (const id of ['1', '2']) stream.send({ data: 'x', id })
    await turn()
    sink.reading = false
    stream.send({ data: 'x', id: '3' })
    await turn()
    for (const id of ['4', '5', '6']) stream.send({ data: 'x', id })
    sink.resume()
    await turn()
    expect(eventsOf(sink).map(({ event, id }) => event ?? id)).toEqual(['1', '2', '3', '6'])
  })

  it('under latest gets the newest of each key, however much the output itself buffers', async () => {
    const { sink, stream } = open({ slowConsumer: 'latest', maxBufferedBytes: 2000 })
    sink.reading = false
    stream.send({ data: 'x'.repeat(1900) })
    await turn()
    for (let n = 0; n < 30; n += 1) stream.send({ data: 'y', id: String(n) }, { key: `key${n % 3}` })
    sink.resume()
    await turn()
    expect(eventsOf(sink).map((event) => event.event ?? event.id)).toEqual([undefined, '27', '28', '29'])
  })

  it('under latest gets a gap when even the newest event of each key exceeds the limit', async () => {
    const { sink, stream } = open({ slowConsumer: 'latest', maxBufferedBytes: 3000 })
    sink.reading = false
    stream.send({ data: '' })
    await turn()
    for (let n = 0; n < 5; n += 1) stream.send({ ...block, id: String(n) }, { key: `key${n}` })
    sink.resume()
    await turn()
    expect(eventsOf(sink).map((event) => event.event ?? event.id)).toEqual([
      undefined,
      'stream.gap',
      '3',
      '4',
    ])
  })

  it('is disconnected when nothing drains for stallTimeoutMs, though little waits', async () => {
    const { runtime, sink, stream } = open({ stallTimeoutMs: 5000 })
    sink.reading = false
    stream.send({ data: '' })
    await turn()
    await runtime.clock.advance(4999)
    expect(sink.ended).toBeUndefined()
    await runtime.clock.advance(1)
    await expect(stream.closed).resolves.toBe('slow-consumer')
    expect(runtime.clock.pendingTimers).toBe(0)
  })

  it('that reads a little at a time is not stalled', async () => {
    const { runtime, sink, stream } = open({ stallTimeoutMs: 5000 })
    sink.reading = false
    for (let n = 0; n < 20; n += 1) {
      stream.send({ data: String(n) })
      await turn()
      await runtime.clock.advance(4000)
      sink.drainOnce()
    }
    expect(sink.ended).toBeUndefined()
    expect(eventsOf(sink)).toHaveLength(20)
  })

  it('gets an event larger than the limit, as long as nothing waits', async () => {
    const { sink, stream } = open({ maxBufferedBytes: 1000 })
    for (let n = 0; n < 3; n += 1) {
      stream.send({ data: 'x'.repeat(100_000) })
      await turn()
    }
    expect(eventsOf(sink)).toHaveLength(3)
    expect(sink.ended).toBeUndefined()
  })
})

describe('lastEventId', () => {
  const lastEventIdOf = (url: string, headers: Record<string, string>, options: RespondOptions = {}) =>
    open({ request: new Request(url, { headers }), ...options }).stream.lastEventId

  it.each([
    ['the field', 'http://localhost/', { 'last-event-id': '7' }, '7'],
    ['the query parameter', 'http://localhost/?a=b&lastEventId=7%2B#x', {}, '7+'],
    ['the field, before the parameter', 'http://localhost/?lastEventId=8', { 'last-event-id': '7' }, '7'],
    [
      'the parameter, when the field is empty',
      'http://localhost/?lastEventId=8',
      { 'last-event-id': '' },
      '8',
    ],
    ['nothing', 'http://localhost/?lastEventId=', {}, undefined],
    // [spec] the field's value is the id "encoded as UTF-8"; HTTP APIs give each byte as one code unit
    [
      'an id beyond ASCII',
      'http://localhost/',
      { 'last-event-id': 'Ã©ðŸ\u0098\u0080'.replace('Ÿ', '\u009f') },
      'é😀',
    ],
  ])('comes from %s', (_name, url, headers, id) => {
    expect(lastEventIdOf(url, headers)).toBe(id)
  })

  it('is taken from the option before the header field and the query parameter', () => {
    expect(lastEventIdOf('http://localhost/?lastEventId=8', {}, { lastEventId: '9' })).toBe('9')
  })
})
