import { describe, expect, it } from 'vitest'
import type { EventLog, HubReading } from '@sse-toolkit/sse-server'
import { createSeededRandom } from '@sse-toolkit/test-support'
import { createTestHub, delegateTo, publishAll, subscribe } from './hub-readers.ts'
import { createTestLog, elapse } from './test-logs.ts'
import { turn } from './virtual-runtime.ts'

/** What a reading is, in short. */
function short(reading: HubReading): string {
  if (reading.type === 'event') return reading.data
  if (reading.type === 'failure') return `failure: ${reading.message}`
  return `${reading.type}: ${reading.reason}`
}

async function take(
  readings: AsyncIterable<HubReading>,
  count = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const taken: string[] = []
  for await (const reading of readings) {
    taken.push(short(reading))
    if (taken.length === count) break
  }
  return taken
}

describe('hub.read', () => {
  it('gives the events in the log, then appended ones, each once and in order', async () => {
    const { hub } = createTestHub()
    await publishAll(hub, 'a', '1', '2')
    await publishAll(hub, 'other', 'x')
    await publishAll(hub, 'b.c', '3')
    const reading = take(hub.read(['a'], { patterns: ['b.*'], after: 'earliest' }), 6)
    await turn()
    await publishAll(hub, 'b.d', '4')
    await publishAll(hub, 'other', 'y')
    await turn()
    await publishAll(hub, 'a', '5', '6')
    expect(await reading).toEqual(['1', '2', '3', '4', '5', '6'])
  })

  it('gives an event with its topic, type, data and id', async () => {
    const { hub } = createTestHub()
    const { id } = await hub.publish('a', { event: 'paid', data: { total: 12 } })
    const { value } = await hub.read(['a'], { after: 'earliest' }).next()
    expect(value).toEqual({ type: 'event', id, topic: 'a', event: 'paid', data: '{"total":12}' })
  })

  it('without `after`, begins at the position of the call, not of the first next()', async () => {
    const { hub } = createTestHub()
    await publishAll(hub, 'a', 'before')
    const readings = hub.read(['a'])
    await turn()
    await publishAll(hub, 'a', 'after')
    expect(await take(readings, 1)).toEqual(['after'])
  })

  it('resumes after a position that the hub returned', async () => {
    const { hub } = createTestHub()
    expect(await hub.position()).toMatch(/-0$/)
    await publishAll(hub, 'a', 'rendered into the page')
    const after = await hub.position()
    await publishAll(hub, 'a', 'published since')
    expect(await take(hub.read(['a'], { after }), 1)).toEqual(['published since'])
    const reader = await subscribe(hub, { topics: ['a'], lastEventId: after })
    await turn()
    expect(reader.data).toEqual(['published since'])
  })

  it('goes on after an id', async () => {
    const { hub } = createTestHub()
    const [first] = await publishAll(hub, 'a', '1', '2', '3')
    expect(await take(hub.read(['a'], { after: first }), 2)).toEqual(['2', '3'])
  })

  it('gives a slow reader every event, from the log', async () => {
    const { hub } = createTestHub()
    const readings = hub.read(['a'])
    const first = readings.next()
    await turn()
    const data = Array.from({ length: 1000 }, (_, n) => String(n))
    await publishAll(hub, 'a', ...data)
    expect(await first).toMatchObject({ value: { data: '0' } })
    expect(await take(readings, 999)).toEqual(data.slice(1))
  })

  it('announces events that were evicted before the reader got there', async () => {
    const { hub } = createTestHub({ log: createTestLog({ maxEvents: 10 }) })
    const [first] = await publishAll(hub, 'a', '0')
    await publishAll(hub, 'a', ...Array.from({ length: 2000 }, (_, n) => String(n + 1)))
    const readings = hub.read(['a'], { after: first })
    const { value: gap } = await readings.next()
    expect(gap).toMatchObject({ type: 'gap', reason: 'evicted', requested: first })
    const { value: next } = await readings.next()
    expect(next).toMatchObject({ type: 'event', id: gap?.type === 'gap' ? gap.earliest : undefined })
  })

  it.each([
    ['of another log', 'elsewhere-7', 'epoch'],
    ['that is no position', 'page 7', 'epoch'],
  ])('announces that it cannot go on after an id %s', async (_name, after, reason) => {
    const { hub } = createTestHub()
    await publishAll(hub, 'a', '1')
    expect(await take(hub.read(['a'], { after }), 2)).toEqual([`gap: ${reason}`, '1'])
  })

  it('gives a finite topic from its beginning to its end, and ends', async () => {
    const { hub } = createTestHub()
    const run = await hub.run('answer', ['It', ' depends', '.'])
    await (run.started && run.finished)
    expect(await take(hub.read(['answer']))).toEqual(['It', ' depends', '.', 'end: completed'])
  })

  it('ends with the last of several topics, and reports each end', async () => {
    const { hub } = createTestHub()
    const gate = Promise.withResolvers<void>()
    await hub.run('one', ['1'])
    await hub.run('two', async function* () {
      await gate.promise
      yield '2'
    })
    const reading = take(hub.read(['one', 'two']))
    await turn()
    gate.resolve()
    expect(await reading).toEqual(['1', 'end: completed', '2', 'end: completed'])
  })

  it('distinguishes a failure and a cancellation from a completion', async () => {
    const { hub } = createTestHub({ onError: () => undefined })
    await hub.run(
      'fails',
      async function* () {
        yield 'half'
        throw new Error('secret')
      },
      { errorMessage: 'The model is busy' },
    )
    await hub.run('stopped', async function* ({ signal }) {
      yield 'half'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    const stopped = take(hub.read(['stopped']))
    await turn()
    await hub.cancel('stopped')
    expect(await take(hub.read(['fails']))).toEqual(['half', 'failure: The model is busy', 'end: failed'])
    expect(await stopped).toEqual(['half', 'end: cancelled'])
  })

  it('ends at once for a topic that was read to its end, and throws for an expired one', async () => {
    const { hub, runtime } = createTestHub()
    const run = await hub.run('answer', ['x'], { ttlMs: 50 })
    await (run.started && run.finished)
    let last = ''
    for await (const { id } of hub.read(['answer'])) last = id
    expect(await take(hub.read(['answer'], { after: last }))).toEqual([])
    await elapse(runtime.clock, 60)
    await expect(take(hub.read(['answer']))).rejects.toThrow(
      expect.objectContaining({ code: 'topic-expired' }),
    )
  })

  it('reports a topic that expired before its events were read', async () => {
    const { hub, runtime } = createTestHub()
    for (const topic of ['gone', 'kept']) {
      const run = await hub.run(topic, ['x'], { ttlMs: topic === 'kept' ? 60_000 : 1000 })
      await (run.started && run.finished)
    }
    const reading = hub.read(['kept', 'gone'])
    await turn()
    await elapse(runtime.clock, 1000)
    expect(await take(reading)).toEqual(['gap: evicted', 'x', 'end: completed', 'end: expired'])
  })

  it('does not read the log again once the loop is left', async () => {
    const log = createTestLog()
    let reads = 0
    const counted: EventLog = {
      ...delegateTo(log),
      read(...args) {
        reads += 1
        return log.read(...args)
      },
    }
    const { hub } = createTestHub({ log: counted })
    await publishAll(hub, 'a', '1')
    await take(hub.read(['a'], { after: 'earliest' }), 1)
    const readsBefore = reads
    await publishAll(hub, 'a', '2', '3')
    await turn()
    expect(reads).toBe(readsBefore)
  })

  it('throws the reason of its signal, before it begins and while it waits', async () => {
    const { hub } = createTestHub()
    const reason = new Error('Enough')
    await expect(take(hub.read(['a'], { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    const aborter = new AbortController()
    const reading = take(hub.read(['a'], { signal: aborter.signal }))
    await turn()
    aborter.abort(reason)
    await expect(reading).rejects.toBe(reason)
  })

  it('ends when the hub is closed', async () => {
    const { hub } = createTestHub()
    const reading = take(hub.read(['a'], { after: 'earliest' }))
    await publishAll(hub, 'a', '1')
    await turn()
    await hub.close()
    expect(await reading).toEqual(['1'])
    expect(() => hub.read(['a'])).toThrow(expect.objectContaining({ code: 'hub-closed' }))
  })

  it.each<[string, unknown, unknown, string]>([
    ['no topic', [], {}, 'invalid-option'],
    ['a wildcard among the topics', ['a.*'], {}, 'invalid-option'],
    ['a topic with a space', ['a b'], {}, 'invalid-topic'],
    ['what is not a list', 'a', {}, 'invalid-option'],
    ['an id that is not a string', ['a'], { after: 7 }, 'invalid-option'],
  ])('refuses %s at the call', (_name, topics, options, code) => {
    const { hub } = createTestHub()
    expect(() => hub.read(topics as string[], options as object)).toThrow(expect.objectContaining({ code }))
  })

  it("throws the log's error in the loop, and reports it nowhere else", async () => {
    const failure = new Error('The log is out of reach')
    const { hub } = createTestHub({
      log: { ...delegateTo(createTestLog()), head: () => Promise.reject(failure) },
    })
    void hub.read(['a'])
    await turn()
    await expect(take(hub.read(['a']))).rejects.toBe(failure)
  })

  it('misses and repeats nothing, at 100 random paces of publisher and reader', async () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = createSeededRandom(seed)
      const { hub } = createTestHub()
      const count = 30
      await publishAll(hub, 'a', ...Array.from({ length: 10 }, (_, n) => String(n)))
      const received: string[] = []
      const reading = (async () => {
        for await (const each of hub.read(['a'], { after: 'earliest' })) {
          received.push(short(each))
          if (received.length === count) break
          if (random() < 0.3) await turn()
        }
      })()
      for (let n = 10; n < count; n += 1) {
        await publishAll(hub, 'a', String(n))
        if (random() < 0.3) await turn()
      }
      await reading
      expect({ seed, received }).toEqual({
        seed,
        received: Array.from({ length: count }, (_, n) => String(n)),
      })
      await hub.close()
    }
  })
})
