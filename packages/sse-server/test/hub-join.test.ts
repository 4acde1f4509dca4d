import { describe, expect, it, vi } from 'vitest'
import { respond } from '@sse-toolkit/sse-server'
import type { EventStream, Hub, JoinOptions, RespondOptions } from '@sse-toolkit/sse-server'
import { createTestHub, publishAll } from './hub-readers.ts'
import { attach, mark, RecordingSink } from './recording-sink.ts'
import { elapse } from './test-logs.ts'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

interface Joined {
  readonly stream: EventStream
  readonly sink: RecordingSink
  readonly joining: Promise<void>
}

/** An open stream that has joined. */
async function joined(
  hub: Hub,
  options: JoinOptions,
  given: RespondOptions & { sink?: RecordingSink } = {},
): Promise<Joined> {
  const { sink = new RecordingSink(), ...respondOptions } = given
  const opened = Promise.withResolvers<EventStream>()
  const response = respond((stream) => opened.resolve(stream), {
    heartbeatIntervalMs: 0,
    runtime: createVirtualRuntime(),
    ...respondOptions,
  })
  attach(response, sink)
  const stream = await opened.promise
  const joining = hub.join(stream, options)
  // The test looks at it later.
  joining.catch(() => undefined)
  await turn()
  return { stream, sink, joining }
}

/** What came after the first block, without ids, which depend on chance. */
function bodyOf({ text }: RecordingSink): string {
  return text.replace(mark, '').replaceAll(/^id: .*\n/gm, '')
}

describe('hub.join', () => {
  it("sends the hub's events among the stream's own, with their ids", async () => {
    const { hub } = createTestHub()
    const { stream, sink } = await joined(hub, { topics: ['a'], patterns: ['b.*'] })
    stream.send({ event: 'own', data: '1' })
    const [id] = await publishAll(hub, 'a', '2')
    await turn()
    stream.send({ data: '3' })
    await hub.publish('b.x', { event: 'paid', data: '4' })
    await publishAll(hub, 'other', 'x')
    await turn()
    expect(bodyOf(sink)).toBe(
      'event: own\ndata: 1\n\n: opaque ids\n\ndata: 2\n\ndata: 3\n\nevent: paid\ndata: 4\n\n',
    )
    expect(sink.text).toContain(`id: ${id}\n`)
  })

  it('resumes after the id that the client sends', async () => {
    const { hub } = createTestHub()
    const [first] = await publishAll(hub, 'a', '1', '2')
    const { sink } = await joined(hub, { topics: ['a'] }, { request: requestAfter(first) })
    expect(bodyOf(sink)).toContain('data: 2\n')
    expect(bodyOf(sink)).not.toContain('data: 1\n')
  })

  it('announces evicted events as a gap', async () => {
    const { hub } = createTestHub({ log: undefined })
    const { sink } = await joined(hub, { topics: ['a'], after: 'elsewhere-7' })
    expect(bodyOf(sink)).toContain('event: stream.gap\ndata: {"reason":"epoch"')
  })

  it('waits for a client that reads slowly, and then continues from the log', async () => {
    const { hub } = createTestHub()
    const sink = new RecordingSink()
    await joined(hub, { topics: ['a'] }, { sink })
    sink.reading = false
    await publishAll(hub, 'a', ...Array.from({ length: 100 }, (_, index) => String(index)))
    await turn()
    expect(sink.writes.length).toBeLessThan(5)
    sink.resume()
    await turn()
    expect(bodyOf(sink).match(/data: \d+/g)).toHaveLength(100)
  })

  it.each([
    ['completed', 'full', 'close', 'data: {"topic":"job","reason":"completed"}\n\n'],
    ['failed', 'full', 'close', 'event: stream.error'],
    ['completed', 'off', 'close', ''],
    ['failed', 'off', 'cut', ''],
  ] as const)('ends with its topics: %s, wireContract %s', async (reason, wireContract, ending, said) => {
    const { hub } = createTestHub({ onError: () => undefined })
    const { sink, joining } = await joined(hub, { topics: ['job'] }, { wireContract })
    const run = await hub.run('job', async function* () {
      yield { data: '1' }
      if (reason === 'failed') throw new Error('broken')
    })
    if (run.started) await run.finished
    await joining
    await turn()
    expect(sink.ended).toBe(ending)
    expect(bodyOf(sink)).toContain('data: 1\n')
    expect(bodyOf(sink)).toContain(said)
    expect(bodyOf(sink).includes('stream.')).toBe(wireContract === 'full')
  })

  it('ends expired topics with the reason expired', async () => {
    const { hub, runtime } = createTestHub()
    await hub.publish('job', { data: '1' })
    await hub.end('job', { ttlMs: 1000 })
    await elapse(runtime.clock, 2000)
    const { sink, joining } = await joined(hub, { topics: ['job'] })
    await joining
    await turn()
    expect(bodyOf(sink)).toContain('"reason":"expired"')
  })

  it('breaks off when the hub closes, so that the client reconnects', async () => {
    const { hub } = createTestHub({ log: undefined })
    const { sink, joining } = await joined(hub, { topics: ['a'] })
    await hub.close()
    await joining
    await turn()
    expect(sink.ended).toBe('cut')
  })

  it.each<[string, JoinOptions['filter']]>([
    [
      'throws',
      () => {
        throw new Error('filter')
      },
    ],
    ['is asynchronous', (async () => true) as unknown as JoinOptions['filter']],
    ['rejects', (() => Promise.reject(new Error('later'))) as unknown as JoinOptions['filter']],
  ])('passes no event if the filter %s, and breaks off', async (_name, filter) => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const { sink, joining } = await joined(hub, { topics: ['a'], filter })
    await publishAll(hub, 'a', 'secret')
    await joining
    await turn()
    expect([sink.ended, bodyOf(sink)]).toEqual(['cut', ''])
    expect(onError).toHaveBeenCalled()
  })

  it('passes only events for which the filter returns true, and reports any other answer once', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const filter = ({ data }: { data: string }): unknown => (data === 'open' ? true : 1)
    const { sink } = await joined(hub, { topics: ['a'], filter: filter as JoinOptions['filter'] })
    await publishAll(hub, 'a', 'secret', 'secret', 'open')
    await turn()
    expect(bodyOf(sink)).toBe(': opaque ids\n\ndata: open\n\n')
    expect(onError).toHaveBeenCalledOnce()
  })

  it('sends the end of topics that the closing hub interrupted', async () => {
    const { hub } = createTestHub({ log: undefined, onError: () => undefined })
    const { sink, joining } = await joined(hub, { topics: ['job'] })
    await hub.run('job', async function* () {
      yield { data: '1' }
      await new Promise(() => undefined)
    })
    await turn()
    await hub.close()
    await joining
    await turn()
    expect([sink.ended, bodyOf(sink)]).toEqual(['close', expect.stringContaining('"reason":"interrupted"')])
  })

  it('filters', async () => {
    const { hub } = createTestHub()
    const { sink } = await joined(hub, { topics: ['a'], filter: ({ data }) => data !== '1' })
    await publishAll(hub, 'a', '1', '2')
    await turn()
    expect(bodyOf(sink)).toBe(': opaque ids\n\ndata: 2\n\n')
  })

  it('resolves when the client leaves, and releases the log', async () => {
    const { hub } = createTestHub()
    const { sink, joining, stream } = await joined(hub, { topics: ['a'] })
    sink.leave()
    await joining
    await turn()
    expect(await stream.closed).toBe('client')
  })

  it.each([
    [{ topic: ['a'] }, /did you mean topics/],
    [{}, /at least one topic/],
    [{ topics: ['a*'] }, /topic/],
    [{ topics: ['a'], filter: 1 }, /filter: expected a function/],
  ])('refuses %j', async (options, message) => {
    const { hub } = createTestHub()
    await expect(joined(hub, options as JoinOptions).then(({ joining }) => joining)).rejects.toThrow(message)
  })

  it('refuses anything but an open stream', async () => {
    const { hub } = createTestHub()
    await expect(hub.join({} as EventStream, { topics: ['a'] })).rejects.toThrow(
      /stream: expected an open event stream/,
    )
  })
})

function requestAfter(id = ''): Request {
  return new Request('http://localhost/', { headers: { 'last-event-id': id } })
}
