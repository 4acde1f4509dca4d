import { describe, expect, it } from 'vitest'
import { readEvents } from '../src/index.ts'

const headers = { 'content-type': 'text/event-stream; charset=utf-8' }

/** A response whose body the test writes. */
function open(): {
  readonly response: Response
  readonly write: (bytes: string | Uint8Array<ArrayBuffer>) => void
  readonly end: () => void
  readonly fail: (error: Error) => void
  readonly cancelled: Promise<void>
} {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const cancelled = Promise.withResolvers<void>()
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given
    },
    cancel: () => cancelled.resolve(),
  })
  return {
    response: new Response(body, { headers }),
    write: (bytes) =>
      controller?.enqueue(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes),
    end: () => controller?.close(),
    fail: (error) => controller?.error(error),
    cancelled: cancelled.promise,
  }
}

describe('readEvents', () => {
  it('returns the events one by one, with what the stream says besides', async () => {
    const { response, write, end } = open()
    const events = readEvents(response)
    write(': hello\nretry: 500\nid: 1\n\nevent: paid\nid: 2\ndata: {"total":12}\n\ndata: later\n\n')
    expect(await events.next()).toEqual({
      done: false,
      value: { type: 'paid', data: '{"total":12}', lastEventId: '2' },
    })
    expect(events).toMatchObject({ comments: ['hello'], reconnectionTimeMs: 500, lastEventId: '2' })
    expect(events.events).toHaveLength(1)
    end()
    expect(await events.rest()).toEqual([{ type: 'message', data: 'later', lastEventId: '2' }])
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })

  it('reads an event that comes byte by byte, within characters', async () => {
    const { response, write } = open()
    const events = readEvents(response)
    for (const byte of new TextEncoder().encode('data: ä€😀\n\n')) write(Uint8Array.of(byte))
    expect(await events.take(1)).toEqual([{ type: 'message', data: 'ä€😀', lastEventId: '' }])
  })

  it('does not return an event that the end cuts off', async () => {
    const { response, write, end } = open()
    write('data: whole\n\ndata: cut off\n')
    end()
    expect((await readEvents(response).rest()).map(({ data }) => data)).toEqual(['whole'])
  })

  it('names the events that came when the wait for the next is over, and goes on afterwards', async () => {
    const { response, write } = open()
    const events = readEvents(response, { timeoutMs: 20 })
    write('event: first\ndata: a\n\n')
    await events.take(1)
    await expect(events.next()).rejects.toMatchObject({
      code: 'timeout',
      message: 'an event did not happen within 20 ms; 1 event, first "a" so far',
    })
    write('data: b\n\ndata: c\n\n')
    expect((await events.take(2)).map(({ data }) => data)).toEqual(['b', 'c'])
  })

  it('says which events came when the stream ends before those that the test wants', async () => {
    const { response, write, end } = open()
    write('data: a\n\n')
    end()
    await expect(readEvents(response).take(2)).rejects.toMatchObject({
      code: 'ended',
      message: 'take(2): the stream ended after 1 event, message "a".',
    })
  })

  it('throws what broke the body, at each call, and after the events before it', async () => {
    const { response, write, fail } = open()
    const cause = new Error('reset')
    const events = readEvents(response)
    write('data: a\n\n')
    await events.take(1)
    fail(cause)
    await expect(events.next()).rejects.toMatchObject({ code: 'broken', cause })
    await expect(events.next()).rejects.toMatchObject({ code: 'broken', cause })
    await events.close()
  })

  it('cancels the body when it is closed, when its loop is left, and when its scope is left', async () => {
    const [closed, left, disposed] = [open(), open(), open()]
    await readEvents(closed.response).close()
    await closed.cancelled

    left.write('data: a\n\n')
    for await (const { data } of readEvents(left.response)) {
      expect(data).toBe('a')
      break
    }
    await left.cancelled

    {
      await using _events = readEvents(disposed.response)
    }
    await disposed.cancelled
  })

  it.each<[string, Response]>([
    ['status 500, text/event-stream', new Response('', { status: 500, headers })],
    ['status 200, application/json', Response.json({})],
    [
      'status 200, text/event-streams',
      new Response('', { headers: { 'content-type': 'text/event-streams' } }),
    ],
    ['status 200, text/event-stream; charset=utf-8 and no body', new Response(null, { headers })],
  ])('refuses what is not an event stream: %s', (got, response) => {
    expect(() => readEvents(response)).toThrow(
      expect.objectContaining({
        code: 'not-an-event-stream',
        message: expect.stringContaining(`got ${got}`) as string,
      }),
    )
  })

  it('refuses a deadline that cannot be', () => {
    const { response } = open()
    expect(() => readEvents(response, { timeoutMs: 0 })).toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'timeoutMs' }),
    )
  })
})
