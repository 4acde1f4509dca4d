import { describe, expect, it } from 'vitest'
import { memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog, LogPage, MemoryLogOptions, Runtime } from '@sse-toolkit/sse-server'
import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

describe('memoryLog follows the contract of logs', () => {
  it.each(eventLogContract({ createLog: (limits) => memoryLog(limits) }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

describe('memoryLog', () => {
  function open(options: MemoryLogOptions = {}) {
    const runtime = createVirtualRuntime()
    const log = memoryLog({ runtime, ...options })
    return { runtime, clock: runtime.clock, log }
  }

  it('keeps maxEventsPerTopic of each topic, whatever is published to others', async () => {
    const { log } = open({ maxEventsPerTopic: 3 })
    await append(log, 'rare', 'r')
    for (let n = 0; n < 500; n += 1) await append(log, 'frequent', String(n))
    expect(dataOf(await read(log, 'frequent'))).toEqual(['497', '498', '499'])
    expect(dataOf(await read(log, 'rare'))).toEqual(['r'])
    expect(dataOf(await read(log, '>'))).toEqual(['r', '497', '498', '499'])
    expect((await read(log, 'rare')).evictedUpTo).toBe(0)
    expect((await read(log, 'frequent')).evictedUpTo).toBe(498)
  })

  it('keeps maxDataLength of data in all, but always the newest event', async () => {
    const { log } = open({ maxDataLength: 100 })
    for (const letter of ['a', 'b', 'c']) await append(log, letter, letter.repeat(40))
    expect(dataOf(await read(log, '>')).map((data) => data[0])).toEqual(['b', 'c'])
    await append(log, 'd', 'd'.repeat(500))
    expect(dataOf(await read(log, '>')).map((data) => data[0])).toEqual(['d'])
  })

  it('evicts events at maxAgeMs without further calls', async () => {
    const { log, clock } = open({ maxAgeMs: 1000 })
    await append(log, 'a', '1')
    await clock.advance(600)
    await append(log, 'a', '2')
    await clock.advance(399)
    expect(dataOf(await read(log, 'a'))).toEqual(['1', '2'])
    await clock.advance(1)
    expect(dataOf(await read(log, 'a'))).toEqual(['2'])
    await clock.advance(600)
    const page = await read(log, 'a')
    expect([dataOf(page), page.evictedUpTo]).toEqual([[], 2])
    expect(clock.pendingTimers).toBe(0)
  })

  it('with maxAgeMs: 0, keeps events without limit of age and sets no timer', async () => {
    const { log, clock } = open({ maxAgeMs: 0 })
    await append(log, 'a', '1')
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(10 ** 9)
    expect(dataOf(await read(log, 'a'))).toEqual(['1'])
  })

  it('gives the whole of a claimed topic, however many other topics were evicted before', async () => {
    const log = memoryLog({ maxEvents: 1 })
    for (let index = 0; index < 10_010; index += 1) await append(log, `t${index}`, 'x')
    await log.claim('job')
    expect((await read(log, 'job')).evictedUpTo).toBe(0)
    await append(log, 'job', '1')
    expect(await read(log, 'job')).toMatchObject({ entries: [{ data: '1' }], evictedUpTo: 0 })
    await append(log, 'job', '2')
    expect(dataOf(await read(log, 'job'))).toEqual(['1', '2'])
    await log.close()
  })

  it('remembers 100 000 expired finite topics', async () => {
    const runtime: Runtime = { ...createVirtualRuntime(), setTimeout: queueMicrotask }
    const log = memoryLog({ runtime, maxAgeMs: 0 })
    for (let n = 0; n <= 100_000; n += 1)
      await log.end({ topic: `t${n}`, event: 'stream.end', data: '', key: undefined }, 0)
    await turn()
    expect((await log.status('t0')).state).toBe('open')
    expect((await log.status('t1')).state).toBe('expired')
    expect((await log.status('t100000')).state).toBe('expired')
  })

  it('has another epoch each time', async () => {
    const epochs = await Promise.all(
      [1, 2].map(async () => {
        const { epoch } = await memoryLog().head()
        return epoch
      }),
    )
    expect(epochs[0]).not.toBe(epochs[1])
  })

  it('is released by close, timers included', async () => {
    const { log, clock } = open()
    await append(log, 'a', '1')
    expect(clock.pendingTimers).toBe(1)
    await log.close()
    expect(clock.pendingTimers).toBe(0)
    await expect(append(log, 'a', '2')).rejects.toThrow(expect.objectContaining({ code: 'hub-closed' }))
  })

  it('announces no gap to the reader of a quiet topic, however many other topics have lost events', async () => {
    const { log } = open({ maxEvents: 10 })
    const { seq } = await append(log, 'lost', 'x')
    for (let n = 0; n < 30_000; n += 1) await append(log, `other.${n}`, 'x')
    expect((await read(log, 'quiet')).evictedUpTo).toBe(0)
    expect((await read(log, 'lost')).evictedUpTo).toBe(seq)
    expect((await read(log, 'other.7')).evictedUpTo).toBe(seq + 8)
  })

  it('lets the event loop turn while it scans many events', async () => {
    const { log } = open()
    for (let n = 0; n < 5000; n += 1) await append(log, 'a', String(n))
    const page = read(log, 'none.*')
    for (let n = 0; n < 5; n += 1) await turn()
    expect(await Promise.race([page, Promise.resolve('not read yet')])).toBe('not read yet')
    expect(await page).toEqual({ entries: [], more: false, evictedUpTo: 0 })
  })

  it('announces events that were evicted during the scan before it reached them', async () => {
    const { log } = open({ maxEvents: 2000 })
    for (let n = 0; n < 1900; n += 1) await append(log, 'a', String(n))
    const { seq } = await append(log, 'rare.b', 'lost')
    const page = read(log, 'rare.*')
    for (let n = 0; n < 2000; n += 1) void append(log, 'a', String(n))
    await append(log, 'rare.b', 'later')
    expect(await page).toEqual({ entries: [], more: true, evictedUpTo: seq })
    expect(dataOf(await read(log, 'rare.*', seq))).toEqual(['later'])
  })

  it('ends a page where the next events were evicted during the scan', async () => {
    const { log } = open({ maxEvents: 2000 })
    const first = await append(log, 'rare.b', 'first')
    for (let n = 0; n < 1900; n += 1) await append(log, 'a', String(n))
    const { seq } = await append(log, 'rare.b', 'lost')
    const page = read(log, 'rare.*')
    for (let n = 0; n < 2000; n += 1) void append(log, 'a', String(n))
    const found = await page
    expect([dataOf(found), found.more, found.evictedUpTo]).toEqual([['first'], true, 0])
    expect((await read(log, 'rare.*', first.seq)).evictedUpTo).toBe(seq)
  })

  it.each<[keyof MemoryLogOptions, unknown]>([
    ['maxEvents', 0],
    ['maxEventsPerTopic', -1],
    ['maxDataLength', 1.5],
    ['maxAgeMs', -1],
  ])('refuses %s: %d', (option, value) => {
    expect(() => memoryLog({ [option]: value })).toThrow(
      expect.objectContaining({ code: 'invalid-option', option }),
    )
  })
})

function append(log: EventLog, topic: string, data: string) {
  return log.append({ topic, event: undefined, data, key: undefined })
}

function read(log: EventLog, topic: string, after = 0): Promise<LogPage> {
  const pattern = { text: topic, tokens: topic.split('.'), hasWildcard: /[*>]/.test(topic) }
  return log.read([pattern], after, 1000)
}

function dataOf(page: LogPage): readonly string[] {
  return page.entries.map((entry) => entry.data)
}
