import { createClient } from '@redis/client'
import type { RedisClient, RedisLog } from '@sse-toolkit/sse-redis'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { append, end, read, relayingClient, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis
const rarely = { syncIntervalMs: 60_000, leaseMs: 180_000 }

/** All events of a topic, page by page. */
async function readAll(log: RedisLog, topic: string, after = 0): Promise<readonly string[]> {
  const found: string[] = []
  for (let position = after; ;) {
    const { entries, more } = await read(log, topic, position, 256)
    found.push(...entries.map(({ data }) => data))
    position = entries.at(-1)?.position.seq ?? position
    if (!more) return found
  }
}

async function fill(log: RedisLog, count: number, topicOf: (n: number) => string, data = ''): Promise<void> {
  for (let first = 0; first < count; first += 1000)
    await Promise.all(
      Array.from({ length: Math.min(1000, count - first) }, (_, n) =>
        append(log, topicOf(first + n), `${first + n}${data}`),
      ),
    )
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => String(n))
}

async function callsOf(name: string): Promise<number> {
  const stats = await command<string>('INFO', 'commandstats')
  return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

describe.skipIf(server.skip)('reads that share', () => {
  it.each(['a', '*', 'a.>', 'b'])(
    '200 simultaneous readers of %s cost Redis little more than one',
    async (topic) => {
      const namespace = newNamespace()
      await fill(open({ namespace }), 5000, (n) => (n % 2 === 0 ? 'a' : n % 3 === 0 ? 'a.x' : 'b'))
      const log = open({ namespace, ...rarely })
      await log.ready()
      const reference = await readAll(open({ namespace, maxCachedBytes: 0 }), topic)
      await command('CONFIG', 'RESETSTAT')
      const all = await Promise.all(Array.from({ length: 200 }, () => readAll(log, topic)))
      expect(reference.length).toBeGreaterThan(100)
      for (const each of all) expect(each).toEqual(reference)
      // 20 blocks, and a look at the log for each page of all together; alone, 200 readers would have taken 4000 reads.
      expect((await callsOf('evalsha')) + (await callsOf('eval'))).toBeLessThan(200)
      expect(log.stats().cachedBytes).toBeGreaterThan(0)
      expect(log.stats()).toMatchObject({ readsUnderWay: 0, readsWaiting: 0 })
    },
  )

  it('readers at different positions of a rare topic share the same blocks', async () => {
    const namespace = newNamespace()
    await fill(open({ namespace }), 6000, (n) => (n % 40 === 0 ? 'rare' : 'frequent'))
    const log = open({ namespace, ...rarely })
    const expected = numbers(6000).filter((_, n) => n % 40 === 0)
    const all = await Promise.all(Array.from({ length: 30 }, (_, n) => readAll(log, 'rare', n * 200)))
    for (const [n, each] of all.entries())
      expect(each).toEqual(expected.filter((data) => Number(data) >= n * 200))
  })

  it("the newest events come from the follower's notices, without a read", async () => {
    const log = open(rarely)
    await fill(log, 600, (n) => `t${n % 3}`)
    await vi.waitUntil(async () => (await read(log, '>', 0)).entries.length === 600, patience)
    await command('CONFIG', 'RESETSTAT')
    expect(await readAll(log, 't0', 0)).toEqual(numbers(600).filter((_, n) => n % 3 === 0))
    expect(await callsOf('xrange')).toBe(0)
  })

  it('the cache and a page are bounded in bytes', async () => {
    const namespace = newNamespace()
    const writer = open({ namespace, maxCachedBytes: 2_000_000 })
    await fill(writer, 60, () => 'large', 'x'.repeat(100_000))
    const log = open({ namespace, maxCachedBytes: 2_000_000, ...rarely })
    const { entries, more } = await read(log, 'large', 0, 1000)
    expect(more).toBe(true)
    expect(entries.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(1_048_576 + 100_010)
    expect(await readAll(log, 'large')).toHaveLength(60)
    for (const each of [writer, log]) expect(each.stats().cachedBytes).toBeLessThanOrEqual(2_000_000)
    await log.close()
  })

  it('reads work without a cache', async () => {
    const log = open({ maxCachedBytes: 0 })
    await fill(log, 700, (n) => `t${n % 2}`)
    expect(await readAll(log, '>')).toEqual(numbers(700))
    expect(log.stats().cachedBytes).toBe(0)
  })

  it('an event that was evicted is not read from the cache', async () => {
    const namespace = newNamespace()
    const [log, other] = [
      open({ namespace, maxEvents: 300, ...rarely }),
      open({ namespace, maxEvents: 300, ...rarely }),
    ]
    await fill(log, 300, () => 'a')
    expect(await readAll(other, 'a')).toHaveLength(300)
    await fill(log, 100, () => 'b')
    for (const each of [log, other]) {
      const { entries, evictedUpTo } = await read(each, 'a', 0)
      expect([entries[0]?.position.seq, entries.length, evictedUpTo]).toEqual([101, 200, 100])
    }
  })

  it.each(['answer', '>'])('an event of an expired topic is not read from the cache by %s', async (asked) => {
    const namespace = newNamespace()
    const [log, other] = [open({ namespace, ...rarely }), open({ namespace, ...rarely })]
    await fill(log, 300, (n) => (n % 2 === 0 ? 'answer' : 'other'))
    await end(log, 'answer', 300)
    expect((await readAll(other, asked)).length).toBeGreaterThan(150)
    await vi.waitUntil(async () => (await log.status('answer')).state === 'expired', patience)
    for (const each of [log, other]) {
      const { entries, evictedUpTo } = await read(each, asked, 0)
      expect(entries.filter(({ topic }) => topic === 'answer')).toEqual([])
      expect(evictedUpTo).toBe(301)
    }
  })

  it('a new epoch empties the cache', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, ...rarely })
    await fill(log, 400, () => 'a')
    expect(await readAll(log, 'a')).toHaveLength(400)
    await command('DEL', `{${namespace}}:log`)
    await append(log, 'a', 'after')
    expect(await readAll(log, 'a')).toEqual(['after'])
    expect(log.stats().cachedBytes).toBeLessThan(5000)
  })

  it('a client without xRange, or a replica that lags, costs more reads and misses nothing', async () => {
    const namespace = newNamespace()
    await fill(open({ namespace }), 1000, () => 'a')
    const client = createClient({ url: redis.url }) as RedisClient
    for (const overrides of [{}, { xRange: async (): Promise<never[]> => [] }]) {
      const log = open({ redis: relayingClient(client, overrides), namespace, ...rarely })
      expect(await readAll(log, '>')).toEqual(numbers(1000))
      await log.close()
    }
    client.destroy()
  })

  it('at most four reads wait at Redis', async () => {
    const log = open({ maxCachedBytes: 0, ...rarely })
    await fill(log, 100, (n) => `t${n}`)
    await read(log, 't0')
    let most = 0
    const reads = Array.from({ length: 50 }, async (_, n) => {
      const page = await read(log, `t${n}`)
      most = Math.max(most, log.stats().readsUnderWay)
      return page.entries.length
    })
    expect(await Promise.all(reads)).toEqual(Array.from({ length: 50 }, () => 1))
    expect(most).toBeLessThanOrEqual(4)
    expect(log.stats()).toMatchObject({ readsUnderWay: 0, readsWaiting: 0 })
  })

  it('publishing does not wait for unanswered reads', async () => {
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const log = open({ url: `redis://127.0.0.1:${proxy.port}`, commandTimeoutMs: 300, ...rarely })
    await log.ready()
    await append(log, 'a', '1')
    // The connection for reads is opened with the first of them.
    proxy.faults.set({ toClient: { flow: 'black-hole' } }, 'new')
    const reading = Promise.allSettled([read(log, 'a')])
    expect((await append(log, 'a', '2')).seq).toBe(2)
    expect(await reading).toMatchObject([{ status: 'rejected', reason: { code: 'log-unavailable' } }])
    proxy.faults.set({}, 'all')
    const datas = async (): Promise<readonly string[]> => {
      const page = await read(log, 'a').catch(() => undefined)
      return page?.entries.map(({ data }) => data) ?? []
    }
    await vi.waitUntil(async () => (await datas()).length === 2, patience)
  })
})
