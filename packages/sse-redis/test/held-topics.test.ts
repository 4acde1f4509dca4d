import { createClient } from '@redis/client'
import type { RedisClient, RedisLog } from '@sse-toolkit/sse-redis'
import { parseTopicPattern } from '@sse-toolkit/sse-server'
import type { LogEntry } from '@sse-toolkit/sse-server'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { append, end, listen, read, readAll, relayingClient, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis
const rarely = { syncIntervalMs: 60_000, leaseMs: 180_000 }

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => String(n))
}

async function fill(log: RedisLog, topic: string, data: readonly string[]): Promise<void> {
  for (let first = 0; first < data.length; first += 1000)
    await Promise.all(data.slice(first, first + 1000).map((each) => append(log, topic, each)))
}

/** All of several topics and patterns, page by page. */
async function readTexts(
  log: RedisLog,
  texts: readonly string[],
  limit: number,
  after = 0,
): Promise<readonly LogEntry[]> {
  const patterns = texts.map((text) => parseTopicPattern(text))
  const found: LogEntry[] = []
  for (let position = after; ;) {
    const { entries, more } = await log.read(patterns, position, limit)
    found.push(...entries)
    position = entries.at(-1)?.position.seq ?? position
    if (!more) return found
  }
}

describe.skipIf(server.skip)('the events of a finite topic', () => {
  it('are read by 200 readers at once at little more than the cost of one', async () => {
    const namespace = newNamespace()
    const writer = open({ namespace, maxEvents: 100 })
    await writer.claim('answer')
    await fill(writer, 'answer', numbers(3000))
    await fill(writer, 'other', numbers(200))
    const log = open({ namespace, maxEvents: 100, ...rarely })
    await log.ready()
    await command('CONFIG', 'RESETSTAT')
    const all = await Promise.all(
      numbers(200).map(async (_, n) => (await readAll(log, 'answer', 100 + n)).entries),
    )
    for (const each of all) expect(each.map(({ data }) => data)).toEqual(numbers(3000))
    const stats = await command<string>('INFO', 'commandstats')
    const calls = [...stats.matchAll(/cmdstat_(?:evalsha|eval):calls=(\d+)/g)].map((found) =>
      Number(found[1]),
    )
    expect(calls.reduce((sum, each) => sum + each, 0)).toBeLessThan(200)
    expect(log.stats().cachedBytes).toBeGreaterThan(0)
  })

  it.each([0, 1_000_000])(
    'are read completely while other events push them out, with a cache of %i bytes',
    async (maxCachedBytes) => {
      const namespace = newNamespace()
      const options = { namespace, maxEvents: 40, maxCachedBytes, ...rarely }
      const [writer, log] = [open(options), open(options)]
      await writer.claim('a')
      await writer.claim('b')
      const stored: string[] = []
      const writing = { isOver: false }
      const done = (async () => {
        for (let n = 0; n < 400; n += 1) {
          const topic = n % 3 === 0 ? 'a' : n % 3 === 1 ? 'b' : `other.${n}`
          await append(writer, topic, `${topic} ${n}`)
          if (topic === 'a' || topic === 'b') stored.push(`${topic} ${n}`)
        }
        writing.isOver = true
      })()
      for (let reads = 0; !writing.isOver; reads += 1) {
        const before = [...stored]
        const found = await readTexts(
          log,
          reads % 2 === 0 ? ['a', 'b'] : ['a', 'b', 'none.*'],
          1 + (reads % 50),
        )
        const data = found.map((entry) => entry.data)
        expect(data.slice(0, before.length)).toEqual(before)
      }
      await done
      expect((await readTexts(log, ['a', 'b'], 7)).map(({ data }) => data)).toEqual(stored)
      const wild = await readTexts(log, ['>', 'a'], 7)
      expect(wild.filter(({ topic }) => topic === 'a').map(({ data }) => data)).toEqual(
        stored.filter((each) => each.startsWith('a')),
      )
    },
  )

  it.each([['a'], ['none.*']])(
    'are read completely even if they are evicted between the look at the log and the read, besides %s',
    async (besides) => {
      const namespace = newNamespace()
      const writer = open({ namespace, maxEvents: 10, ...rarely })
      const client = createClient({ url: redis.url }) as RedisClient
      onTestFinished(() => void client.destroy())
      let isNext = false
      const delaying = relayingClient(client, {
        evalSha: async (sha1, options) => {
          if (isNext && options.arguments.includes(String(Number.MAX_SAFE_INTEGER))) {
            isNext = false
            await fill(writer, 'other', numbers(30))
          }
          return client.evalSha(sha1, options)
        },
      })
      const log = open({ redis: delaying, namespace, maxEvents: 10, maxCachedBytes: 0, ...rarely })
      await log.ready()
      await writer.claim('a')
      await fill(writer, 'a', numbers(15))
      isNext = true
      const found = await readTexts(log, ['a', besides], 100)
      expect(found.map(({ data }) => data)).toEqual(numbers(15))
      expect(isNext).toBe(false)
      await log.close()
    },
  )

  it('are counted, removed when the topic expires, and leave nothing behind', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, maxEvents: 10 })
    const heldBytes = async (): Promise<number> =>
      Number(await command<string>('HGET', `{${namespace}}:meta`, 'held'))
    await append(log, 'answer', 'é')
    await log.claim('answer')
    expect(await heldBytes()).toBe(64 + 2)
    await fill(log, 'answer', numbers(100))
    await end(log, 'answer', 600_000)
    await fill(log, 'other', numbers(50))
    expect(await heldBytes()).toBe(102 * 64 + 2 + 190 + 2)
    expect(await command('HLEN', `{${namespace}}:held`)).toBe(102 + 1)
    expect((await readAll(log, 'answer')).entries).toHaveLength(102)
    await command('ZADD', `{${namespace}}:due`, '1', 'answer')
    await vi.waitUntil(async () => (await command('HLEN', `{${namespace}}:held`)) === 0 + 1, patience)
    expect(await heldBytes()).toBe(0)
    expect(await command('ZCARD', `{${namespace}}:index`)).toBe(10 + 1)
    expect(await command('ZCARD', `{${namespace}}:ended`)).toBe(0 + 1)
    // Of the topic, and of the other.
    expect(await command('ZCARD', `{${namespace}}:gone`)).toBe(2 + 1)
    const page = await read(log, 'answer')
    expect([page.entries, page.evictedUpTo]).toEqual([[], 102])
  })

  it('are kept when events are evicted by age, too', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, maxAgeMs: 1 })
    await log.claim('answer')
    await fill(log, 'answer', numbers(300))
    await append(log, 'other')
    await vi.waitUntil(async () => (await command('XLEN', `{${namespace}}:log`)) === 0, patience)
    expect((await readAll(log, 'answer', 50)).entries.map(({ data }) => data)).toEqual(numbers(300))
    expect((await readAll(log, 'other')).entries).toEqual([])
  })

  it('stay with the topic when another process takes it over', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, maxEvents: 5 })
    await log.claim('answer')
    await fill(log, 'answer', numbers(20))
    const heir = open({ namespace, maxEvents: 5, maxHeldBytesPerTopic: 1400 })
    const { heard } = listen(heir)
    await heir.ready()
    await log.close()
    await vi.waitUntil(() => heard.includes('abandoned answer'), patience)
    await expect(append(heir, 'answer', 'x'.repeat(100))).rejects.toMatchObject({ code: 'topic-full' })
    await end(heir, 'answer')
    expect((await readAll(heir, 'answer')).entries.map(({ data }) => data)).toEqual([...numbers(20), '{}'])
  })

  it('are gone in a new epoch: readers are notified, and the topic keeps later events', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, maxEvents: 5, maxHeldBytesPerTopic: 1000, ...rarely })
    await log.claim('answer')
    await fill(log, 'answer', numbers(12))
    await command('HSET', `{${namespace}}:meta`, 'run', 'another')
    expect(await read(log, 'answer')).toMatchObject({ entries: [], evictedUpTo: 12 })
    // There is room again.
    await fill(log, 'answer', numbers(12))
    const page = await read(log, 'answer')
    expect([page.entries.length, page.evictedUpTo]).toEqual([12, 12])
    await expect(append(log, 'answer', 'x'.repeat(200))).rejects.toMatchObject({ code: 'topic-full' })
    expect(await command('HGET', `{${namespace}}:meta`, 'held')).toBe(String(12 * 64 + 14))
  })

  it('are all kept when an unclaimed topic is ended, even if its end would push them out', async () => {
    const log = open({ maxEvents: 5 })
    await fill(log, 'answer', numbers(5))
    const before = numbers(8).map((data) => ({ topic: 'answer', data: `last ${data}` }))
    await log.end({ topic: 'answer', event: 'stream.end', data: '{}' }, 60_000, before)
    const { entries, evictedUpTo } = await readAll(log, 'answer')
    expect([entries.map(({ data }) => data), evictedUpTo]).toEqual([
      [...numbers(5), ...before.map(({ data }) => data), '{}'],
      0,
    ])
  })

  it('begin after the events that the topic had lost before it was claimed', async () => {
    const log = open({ maxEvents: 5 })
    await fill(log, 'answer', numbers(8))
    await log.claim('answer')
    await fill(log, 'other', numbers(20))
    const page = await read(log, 'answer')
    expect([page.entries.map(({ data }) => data), page.evictedUpTo]).toEqual([['3', '4', '5', '6', '7'], 3])
  })
})
