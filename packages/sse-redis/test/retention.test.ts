import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { append, end, keyNames, read, readAll, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis

describe.skipIf(server.skip)('retention', () => {
  it('another process that starts later reads what this one appended', async () => {
    const namespace = newNamespace()
    await append(open({ namespace }), 'a', '1')
    const page = await read(open({ namespace }), 'a')
    expect(page.entries.map(({ data }) => data)).toEqual(['1'])
  })

  it('a log holds only events of its own namespace', async () => {
    await append(open(), 'a', '1')
    expect((await read(open(), '>')).entries).toEqual([])
  })

  it('an event is evicted at maxAgeMs, though nothing is appended', async () => {
    const log = open({ maxAgeMs: 200 })
    const { seq } = await append(log, 'a', '1')
    expect((await read(log, 'a')).entries).toHaveLength(1)
    await vi.waitUntil(async () => (await read(log, 'a')).entries.length === 0, patience)
    expect((await read(log, 'a')).evictedUpTo).toBe(seq)
    expect((await read(log, 'b')).evictedUpTo).toBe(0)
  })

  it('a reader of a quiet topic gets no gap when 30 000 other topics have lost events', async () => {
    const log = open({ maxEvents: 100 })
    const { seq } = await append(log, 'quiet', 'gone')
    for (let first = 0; first < 30_000; first += 6000)
      await Promise.all(Array.from({ length: 6000 }, (_, n) => append(log, `t${first + n}`)))
    expect((await read(log, 'quiet', seq)).evictedUpTo).toBeLessThanOrEqual(seq)
    expect((await read(log, 'quiet', seq - 1)).evictedUpTo).toBe(seq)
    expect((await read(log, 'never')).evictedUpTo).toBe(0)
  })

  it('the marks of topics that lost events are bounded in bytes; beyond that, a topic may report more loss than it had, never less', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, maxEvents: 10 })
    const name = (n: number): string => `${'x'.repeat(50_000)}${n}`
    for (let first = 0; first < 500; first += 20)
      await Promise.all(Array.from({ length: 20 }, (_, n) => append(log, name(first + n))))
    const marks = await command<number>('ZCARD', `{${namespace}}:gone`)
    // 16 MiB of names, and the guard.
    expect(marks - 1).toBe(Math.floor(16_777_216 / (50_003 + 100)))
    expect((await read(log, name(0))).evictedUpTo).toBeGreaterThanOrEqual(1)
    expect((await read(log, name(450))).evictedUpTo).toBe(451)
  })

  it('the number of events is bounded, and the marks of evicted ones are kept in a fixed number of keys', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, maxEvents: 10 })
    const count = 12_000
    await Promise.all(Array.from({ length: count / 2 }, (_, n) => append(log, `t${n}`)))
    await Promise.all(Array.from({ length: count / 2 }, (_, n) => append(log, `u${n}`)))
    expect(await command('XLEN', `{${namespace}}:log`)).toBe(10)
    // And the guard, in each key.
    expect(await command('ZCARD', `{${namespace}}:index`)).toBe(10 + 1)
    expect(await command('ZCARD', `{${namespace}}:gone`)).toBe(count - 10 + 1)
    expect((await read(log, 't0')).evictedUpTo).toBe(1)
    expect((await read(log, 'u10')).evictedUpTo).toBe(count / 2 + 11)
    expect((await read(log, 'u10', count / 2 + 11)).evictedUpTo).toBeLessThanOrEqual(count / 2 + 11)
    const keys = await command<string[]>('KEYS', `{${namespace}}:*`)
    expect(new Set(keys.map((key) => key.split(':')[1]))).toEqual(new Set(keyNames))
  })

  it('all events of a finite topic are removed when it expires, however many there are', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await append(log, 'other', 'stays')
    await Promise.all(Array.from({ length: 1500 }, (_, n) => append(log, 'answer', String(n))))
    await end(log, 'answer', 50)
    await vi.waitUntil(async () => (await command('XLEN', `{${namespace}}:log`)) === 1, patience)
    // And the guard, in each key.
    expect(await command('ZCARD', `{${namespace}}:index`)).toBe(1 + 1)
    expect((await log.status('answer')).state).toBe('expired')
    expect(await command('ZCARD', `{${namespace}}:due`)).toBe(0 + 1)
    expect(await command('HLEN', `{${namespace}}:ends`)).toBe(0 + 1)
  })

  it('a page is bounded in bytes', async () => {
    const log = open()
    const large = 'x'.repeat(600_000)
    for (let n = 0; n < 4; n += 1) await append(log, 'a', large)
    for (const topics of ['a', '*']) {
      const page = await read(log, topics)
      expect([page.entries.length, page.more]).toEqual([1, true])
      expect((await readAll(log, topics)).entries).toHaveLength(4)
    }
  })

  it('a read by pattern takes small steps, however large the skipped events', async () => {
    const log = open({ syncIntervalMs: 60_000, leaseMs: 180_000 })
    for (let n = 0; n < 50; n += 1) await append(log, 'large', 'x'.repeat(400_000))
    await append(log, 'small.one', 'found')
    await command('CONFIG', 'RESETSTAT')
    const page = await read(log, 'small.*')
    expect(page.entries).toMatchObject([{ topic: 'small.one', data: 'found' }])
    const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(await command<string>('INFO', 'commandstats')) ?? []
    // 20 MB, of which one call reads little more than four, since Redis does nothing else during a call.
    expect(Number(calls)).toBeGreaterThanOrEqual(4)
  })

  it('a pattern that matches few of many events finds them in one page', async () => {
    const log = open()
    await Promise.all(
      Array.from({ length: 5000 }, (_, n) =>
        append(log, n % 1000 === 999 ? `rare.${n}` : 'frequent', String(n)),
      ),
    )
    const page = await read(log, 'rare.*')
    expect(page.entries.map(({ data }) => data)).toEqual(['999', '1999', '2999', '3999', '4999'])
    expect(page.more).toBe(false)
  })
})
