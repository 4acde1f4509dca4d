import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { createFakeServer, readEvents } from '../src/index.ts'
import type { FakeEventSource, FakeServer } from '../src/index.ts'

let server: FakeServer

beforeEach(() => {
  server = createFakeServer()
})

afterEach(() => {
  server.close()
  vi.useRealTimers()
})

/** What an event source dispatches, as text. */
function record(source: FakeEventSource, ...types: string[]): string[] {
  const seen: string[] = []
  source.addEventListener('open', () => seen.push(`open ${source.readyState}`))
  source.addEventListener('error', () => seen.push(`error ${source.readyState}`))
  for (const type of ['message', ...types])
    source.addEventListener(type, ({ data, lastEventId }: MessageEvent) =>
      seen.push(`${type} ${String(data)} ${lastEventId}`.trim()),
    )
  return seen
}

describe('the stand-in EventSource', () => {
  it('has the interface of the platform', () => {
    const { EventSource } = server
    const source = new EventSource('/prices?a=1', { withCredentials: true })
    expect(source).toMatchObject({
      url: 'http://localhost/prices?a=1',
      withCredentials: true,
      readyState: EventSource.CONNECTING,
      onopen: null,
      onmessage: null,
      onerror: null,
    })
    expect([EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED]).toEqual([0, 1, 2])
    expect([source.CONNECTING, source.OPEN, source.CLOSED]).toEqual([0, 1, 2])
    expect(() => new EventSource('http://')).toThrow(expect.objectContaining({ name: 'SyntaxError' }))
    expectTypeOf<FakeEventSource>().toExtend<EventSource>()
  })

  it('dispatches within the call of the test', async () => {
    const source = new server.EventSource('/prices')
    const seen = record(source, 'price')
    const connection = await server.nextConnection()
    expect(connection.state).toBe('pending')
    expect(connection.open()).toBe(true)
    expect(seen).toEqual(['open 1'])
    connection.send({ event: 'price', id: '7', data: { eur: 3 } })
    connection.send({ data: 'two\nlines' })
    connection.comment()
    expect(seen).toEqual(['open 1', 'price {"eur":3} 7', 'message two\nlines 7'])
  })

  it('opens with the first event, and dispatches what the test writes by itself', async () => {
    const seen = record(new server.EventSource('/prices'))
    const connection = await server.nextConnection()
    connection.write('data: ha')
    expect(seen).toEqual(['open 1'])
    connection.write('lf\n\ndata: cut off')
    connection.end()
    expect(seen).toEqual(['open 1', 'message half', 'error 0'])
  })

  it('calls handlers with the event source as this, and replaces them', async () => {
    const source = new server.EventSource('/prices')
    const calls: unknown[] = []
    Object.assign(source, { onmessage: () => calls.push('replaced') })
    Object.assign(source, {
      onmessage(this: unknown, { data }: MessageEvent) {
        calls.push(this === source, data)
      },
    })
    const connection = await server.nextConnection()
    connection.send({ data: 'a' })
    Object.assign(source, { onmessage: null })
    connection.send({ data: 'b' })
    expect(calls).toEqual([true, 'a'])
  })

  it('reconnects after an end and after a cut, with the last event ID', async () => {
    const source = new server.EventSource('/prices')
    const seen = record(source)
    const first = await server.nextConnection()
    first.send({ id: 'ä1', data: 'a' })
    first.end()
    expect(seen.at(-1)).toBe('error 0')
    const second = await server.nextConnection()
    expect(second.request.lastEventId).toBe('ä1')
    second.cut()
    const third = await server.nextConnection()
    expect(third.request.lastEventId).toBe('ä1')
    third.open()
    expect(source.readyState).toBe(1)
    expect(server.connections).toEqual([third])
  })

  it('waits as long as the server says, on the timers of the test runner', async () => {
    vi.useFakeTimers()
    const source = new server.EventSource('/prices')
    const connection = await server.nextConnection()
    connection.send({ retry: 5_000 })
    connection.cut()
    vi.advanceTimersByTime(4_999)
    expect(server.requests).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(server.requests).toHaveLength(2)
    source.close()
  })

  it.each<[number, Record<string, string>]>([
    [204, {}],
    [401, { 'content-type': 'text/event-stream' }],
    [503, {}],
    [200, { 'content-type': 'text/html' }],
  ])('fails for good when the server answers %s', async (status, headers) => {
    vi.useFakeTimers()
    const seen = record(new server.EventSource('/prices'))
    const connection = await server.nextConnection()
    expect(connection.refuse(status, { headers, body: status === 204 ? '' : 'data: not an event\n\n' })).toBe(
      true,
    )
    expect(seen).toEqual(['error 2'])
    vi.runAllTimers()
    expect(server.requests).toHaveLength(1)
    expect(server.connections).toEqual([])
  })

  it('dispatches nothing after close, not for the rest of the text at hand either', async () => {
    const source = new server.EventSource('/prices')
    const seen = record(source)
    source.addEventListener('message', () => source.close())
    const connection = await server.nextConnection()
    connection.write('data: a\n\ndata: b\n\n')
    expect(seen).toEqual(['open 1', 'message a'])
    expect(await connection.closed).toBe('client')
    expect([connection.state, connection.send({ data: 'c' }), connection.cut()]).toEqual([
      'closed',
      false,
      false,
    ])
    expect(server.connections).toEqual([])
    source.close()
  })

  it('does not reconnect when a listener closes it in the error event, or while it waits', async () => {
    vi.useFakeTimers()
    const inListener = new server.EventSource('/a')
    inListener.addEventListener('error', () => inListener.close())
    const waiting = new server.EventSource('/b')
    for (const { cut } of server.connections) cut()
    waiting.close()
    vi.runAllTimers()
    expect(server.requests).toHaveLength(2)
  })

  it('may be closed by its open event', async () => {
    const source = new server.EventSource('/prices')
    source.addEventListener('open', () => source.close())
    const connection = await server.nextConnection()
    expect([connection.open(), connection.open()]).toEqual([false, false])
  })
})

describe('the stand-in fetch', () => {
  it('passes method, fields and body on, and gives a response of the platform', async () => {
    const answer = server.fetch('/answers?x=1', {
      method: 'post',
      headers: { authorization: 'Bearer t', 'last-event-id': '3' },
      body: 'question',
    })
    const { request, send, end } = await server.nextConnection()
    expect(request).toMatchObject({ url: 'http://localhost/answers?x=1', method: 'POST', lastEventId: '3' })
    expect(request.headers.get('authorization')).toBe('Bearer t')
    expect(await request.text()).toBe('question')
    send({ id: '4', data: 'a' })
    end()
    const response = await answer
    expect([response.status, response.url]).toEqual([200, 'http://localhost/answers?x=1'])
    const events = readEvents(response)
    expect(await events.rest()).toEqual([{ type: 'message', data: 'a', lastEventId: '4' }])
    expect(events.comments).toEqual(['sse-toolkit 1'])
  })

  it('takes a Request of another realm, such as that of jsdom', async () => {
    const { url, method, headers, signal } = new Request('http://shop.test/', { method: 'QUERY' })
    const foreign = { url, method, headers, signal, clone: () => foreign } as unknown as Request
    void server.fetch(foreign)
    const { request, end } = await server.nextConnection()
    expect(request).toMatchObject({ url: 'http://shop.test/', method: 'QUERY' })
    end()
  })

  it('takes a Request', async () => {
    const answer = server.fetch(new Request('http://shop.test/?lastEventId=9', { method: 'PUT', body: 'x' }))
    const { request, refuse } = await server.nextConnection()
    expect(request).toMatchObject({ url: 'http://shop.test/?lastEventId=9', method: 'PUT', lastEventId: '9' })
    expect(await request.text()).toBe('x')
    refuse(409, { body: 'no', headers: { 'x-why': 'conflict' } })
    const response = await answer
    expect([response.status, response.headers.get('x-why'), await response.text()]).toEqual([
      409,
      'conflict',
      'no',
    ])
  })

  it('gives 204 without a body', async () => {
    const answer = server.fetch('/')
    const connection = await server.nextConnection()
    connection.refuse(204)
    expect((await answer).body).toBeNull()
  })

  it('rejects when the connection is cut before the response, and breaks the body afterwards', async () => {
    const early = server.fetch('/early')
    const unanswered = await server.nextConnection()
    unanswered.cut()
    await expect(early).rejects.toThrow(TypeError)

    const late = server.fetch('/late')
    const connection = await server.nextConnection()
    connection.send({ data: 'a' })
    connection.send({ data: 'b' })
    connection.cut()
    // What was sent before the cut arrives.
    const events = readEvents(await late)
    expect((await events.take(2)).map(({ data }) => data)).toEqual(['a', 'b'])
    await expect(events.next()).rejects.toMatchObject({ code: 'broken' })
  })

  it('notices a client that aborts before the response, or after it, or that cancels the body', async () => {
    const reason = new Error('unmounted')
    const [before, after] = [new AbortController(), new AbortController()]
    const pending = server.fetch('/', { signal: before.signal })
    const unanswered = await server.nextConnection()
    before.abort(reason)
    await expect(pending).rejects.toBe(reason)
    expect(await unanswered.closed).toBe('client')

    const answer = server.fetch('/', { signal: after.signal })
    const answered = await server.nextConnection()
    answered.open()
    const events = readEvents(await answer)
    const next = events.next()
    after.abort(reason)
    await expect(next).rejects.toMatchObject({ code: 'broken', cause: reason })
    expect(await answered.closed).toBe('client')

    const cancelled = server.fetch('/')
    const connection = await server.nextConnection()
    connection.open()
    await (await cancelled).body?.cancel()
    expect(await connection.closed).toBe('client')
    await expect(server.fetch('/', { signal: before.signal })).rejects.toBe(reason)
    expect(server.connections).toEqual([])
  })
})

describe('the test', () => {
  it('gets the connections in order, or by path, or by pattern', async () => {
    for (const path of ['/a', '/b?x=1', '/c']) void new server.EventSource(path)
    const urls = [
      await server.nextConnection({ url: '/b' }),
      await server.nextConnection({ url: /c$/ }),
      await server.nextConnection(),
    ].map(({ request }) => new URL(request.url).pathname)
    expect(urls).toEqual(['/b', '/c', '/a'])
    const later = server.nextConnection({ url: '/d' })
    void new server.EventSource('/e')
    void new server.EventSource('/d')
    expect((await later).request.url).toBe('http://localhost/d')
    expect((await server.nextConnection()).request.url).toBe('http://localhost/e')
  })

  it('is told which requests came instead of the connection that it waits for', async () => {
    void new server.EventSource('/a')
    await expect(server.nextConnection({ url: '/b', timeoutMs: 20 })).rejects.toMatchObject({
      code: 'timeout',
      message: 'a connection to /b did not happen within 20 ms; requests so far: GET http://localhost/a',
    })
  })

  it('announces gaps and ends as our hub does', async () => {
    const source = new server.EventSource('/prices')
    const seen = record(source, 'stream.gap', 'stream.error', 'stream.end')
    const connection = await server.nextConnection()
    connection.gap({ requested: 'e-1', earliest: 'e-5', latest: 'e-9', id: 'e-4' })
    connection.finish({ reason: 'failed', message: 'the model broke' })
    expect(seen).toEqual([
      'open 1',
      'stream.gap {"reason":"evicted","requested":"e-1","earliest":"e-5","latest":"e-9"} e-4',
      'stream.error {"message":"the model broke"} e-4',
      'stream.end {"reason":"failed"} e-4',
      'error 0',
    ])
    source.close()
  })

  it('cannot announce a gap as a server without the wire contract', async () => {
    using plain = createFakeServer({ wireContract: 'none' })
    const answer = plain.fetch('/')
    const connection = await plain.nextConnection()
    for (const announce of [() => connection.gap(), () => connection.finish()])
      expect(announce).toThrow(expect.objectContaining({ code: 'no-wire-contract' }))
    connection.send({ data: 'a' })
    connection.end()
    const events = readEvents(await answer)
    expect(await events.rest()).toHaveLength(1)
    expect(events.comments).toEqual([])
  })

  it.each([
    ['event', { event: 'a\nb', data: '' }],
    ['id', { id: 'a\0', data: '' }],
    ['retry', { retry: 1.5 }],
    ['data', { data: () => 1 }],
    ['data', { data: 1n }],
  ])('cannot send a %s that would not arrive as it is', async (option, event) => {
    void new server.EventSource('/')
    const connection = await server.nextConnection()
    expect(() => connection.send(event)).toThrow(expect.objectContaining({ code: 'invalid-option', option }))
  })

  it('cannot refuse what it has answered', async () => {
    void new server.EventSource('/')
    const connection = await server.nextConnection()
    connection.open()
    expect(() => connection.refuse(500)).toThrow(expect.objectContaining({ code: 'already-answered' }))
    connection.cut()
    expect(connection.refuse(500)).toBe(false)
  })

  it('closes the server: connections are cut, and clients that try again find nobody', async () => {
    const source = new server.EventSource('/')
    const seen = record(source)
    const waiting = server.nextConnection({ url: '/other' })
    server.close()
    await expect(waiting).rejects.toMatchObject({ code: 'server-closed' })
    await expect.poll(() => seen).toEqual(['error 0', 'error 2'])
    await expect(server.fetch('/')).rejects.toThrow('closed')
    await server.nextConnection()
    await expect(server.nextConnection()).rejects.toMatchObject({ code: 'server-closed' })
  })

  it.each([
    ['wireContract', { wireContract: 'some' as 'full' }],
    ['reconnectionTimeMs', { reconnectionTimeMs: -1 }],
  ])('refuses an option that cannot work: %s', (option, options) => {
    expect(() => createFakeServer(options)).toThrow(
      expect.objectContaining({ code: 'invalid-option', option }),
    )
  })
})
