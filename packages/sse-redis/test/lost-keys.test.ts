import { createClient } from '@redis/client'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { patience, startRedis } from '@sse-toolkit/test-support'
import type { RedisClient } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'
import { describe, expect, it, vi } from 'vitest'
import {
  append,
  commandAt,
  end,
  keyNames,
  listen,
  read,
  readAll,
  relayingClient,
  server,
  useRedis,
} from './redis-fixture.ts'

// Maintenance is far off, so an append is the first to notice.
const rarely = { syncIntervalMs: 60_000, leaseMs: 180_000 }

describe.skipIf(server.skip)('a key of the log that is removed', () => {
  const redis = useRedis()

  describe.each(keyNames)('%s', (key) => {
    it.each(['DEL', 'UNLINK', 'PEXPIRE'])(
      'by %s is noticed by maintenance, and every tail is notified',
      async (by) => {
        const namespace = redis.newNamespace()
        const logs = [redis.open({ namespace }), redis.open({ namespace })]
        await Promise.all(logs.map((log) => log.ready()))
        const heard = logs.map((log) => listen(log).heard)
        const before = await append(logs[0] ?? redis.open(), 'a', 'before')
        await vi.waitUntil(() => heard.every((each) => each.length === 1), patience)
        await redis.command(by, `{${namespace}}:${key}`, ...(by === 'PEXPIRE' ? ['1'] : []))
        await vi.waitUntil(() => heard.every((each) => each.length === 2), patience)
        for (const each of heard) expect(each[1]).toMatch(/^restarted at [01]$/)
        for (const log of logs) {
          expect((await append(log, 'a', 'after')).epoch).not.toBe(before.epoch)
        }
        await vi.waitUntil(() => heard.every((each) => each.length === 4), patience)
        // What was held would be given a second time to those who have had it.
        const { entries } = await read(logs[1] ?? redis.open(), 'a')
        expect(entries.map(({ data }) => data)).toEqual(['after', 'after'])
      },
    )

    it('is noticed by an append before the append is stored', async () => {
      const namespace = redis.newNamespace()
      const log = redis.open({ namespace, ...rarely })
      await log.ready()
      const { heard } = listen(log)
      const before = await append(log, 'a', 'before')
      await redis.command('DEL', `{${namespace}}:${key}`)
      expect((await append(log, 'a', 'after')).epoch).not.toBe(before.epoch)
      await vi.waitUntil(() => heard.length === 3, patience)
      expect(heard).toEqual(['before', expect.stringMatching(/^restarted at [01]$/), 'after'])
    })

    it('keeps the states of finite topics as far as they can be known', async () => {
      const namespace = redis.newNamespace()
      const log = redis.open({ namespace, ...rarely })
      for (const topic of ['running', 'over', 'past']) await log.claim(topic)
      await append(log, 'over', 'x')
      const ending = await end(log, 'over')
      await end(log, 'past', 1)
      await vi.waitUntil(async () => (await log.status('past')).state === 'expired', patience)
      await redis.command('DEL', `{${namespace}}:${key}`)
      const states = await Promise.all(
        ['running', 'over', 'past'].map(async (topic) => (await log.status(topic)).state),
      )
      // Without its end, or its time, a topic is over.
      const over = key === 'ends' || key === 'due' ? 'expired' : 'ended'
      expect(states).toEqual(key === 'finite' ? ['open', 'open', 'open'] : ['running', over, 'expired'])
      // A reader gets a gap, and reaches the end; later events have positions after it.
      const page = await read(log, 'over')
      const hasEnd = states[1] === 'ended'
      expect(page.entries.map(({ position }) => position.seq)).toEqual(hasEnd ? [ending?.seq] : [])
      const next = await append(log, 'a', 'x')
      if (hasEnd) expect(next.seq).toBeGreaterThan(ending?.seq ?? 0)
      // Of one that begins now nothing is gone.
      await log.claim('new')
      await append(log, 'new', 'y')
      expect(await read(log, 'new')).toMatchObject({ entries: [{ data: 'y' }], evictedUpTo: 0 })
      // And all keys are whole again.
      const { epoch } = await log.head()
      expect((await append(log, 'a', 'x')).epoch).toBe(epoch)
    })

    it('reaches the readers of a hub as a gap', async () => {
      const namespace = redis.newNamespace()
      const log = redis.open({ namespace })
      const hub = createHub({ log, heartbeatIntervalMs: 0 })
      const response = await hub.subscribe(new Request('http://hub/'), { topics: ['a'] })
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      const until = async (expected: string): Promise<void> => {
        while (!text.includes(expected)) {
          const { value, done } = (await reader?.read()) ?? { value: undefined, done: true }
          if (done) throw new Error(`the stream ended before ${expected}: ${text}`)
          text += value
        }
      }
      await hub.publish('a', { data: 'before' })
      await until('data: before')
      await redis.command('DEL', `{${namespace}}:${key}`)
      await until('event: stream.gap')
      expect(text).toContain('"reason":"epoch"')
      await hub.publish('a', { data: 'after' })
      await until('data: after')
      await hub.close({ timeoutMs: 100 })
    })
  })

  it('also causes a gap when only some of its events are removed', async () => {
    const namespace = redis.newNamespace()
    const log = redis.open({ namespace })
    const { heard } = listen(log)
    for (const data of ['1', '2', '3']) await append(log, 'a', data)
    await redis.command('XTRIM', `{${namespace}}:log`, 'MAXLEN', '1')
    await vi.waitUntil(() => heard.length === 4, patience)
    expect(heard[3]).toBe('restarted at 3')
  })

  it('is no loss when its events expired by age: a log may be empty', async () => {
    const namespace = redis.newNamespace()
    const log = redis.open({ namespace, maxAgeMs: 1 })
    const { heard } = listen(log)
    const { epoch } = await append(log, 'a', '1')
    await vi.waitUntil(async () => (await redis.command('XLEN', `{${namespace}}:log`)) === 0, patience)
    expect(await append(log, 'a', '2')).toEqual({ epoch, seq: 2 })
    await vi.waitUntil(() => heard.length === 2, patience)
    expect(heard).toEqual(['1', '2'])
  })

  it('makes a retried batch reject with outcome-unknown', async () => {
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const namespace = redis.newNamespace()
    const log = redis.open({ url: `redis://127.0.0.1:${proxy.port}`, namespace, ...rarely })
    await append(log, 'a', '1')
    proxy.faults.set({ toClient: { flow: 'black-hole' } }, 'open')
    const appended = append(log, 'a', '2')
    const witness = redis.open({ namespace })
    await vi.waitUntil(async () => (await read(witness, 'a')).entries.length === 2, patience)
    await redis.command('DEL', `{${namespace}}:writers`)
    proxy.cutAll('rst')
    await expect(appended).rejects.toMatchObject({ code: 'outcome-unknown' })
  })

  it('begins one new epoch for each loss, even if several commands are in flight', async () => {
    const namespace = redis.newNamespace()
    const client = createClient({ url: redis.url }) as RedisClient
    let queue: Promise<unknown> = Promise.resolve()
    let isLosing = false
    const losing = relayingClient(client, {
      // Before each script that is under way the key is lost once more.
      evalSha: (...args) => {
        const reply = queue.then(async () => {
          if (isLosing) await redis.command('DEL', `{${namespace}}:meta`)
          return client.evalSha(...args)
        })
        queue = reply.catch(() => undefined)
        return reply
      },
    })
    const log = redis.open({ redis: losing, namespace, ...rarely })
    await log.ready()
    isLosing = true
    const positions = await Promise.all([append(log, 'a'), end(log, 'b'), end(log, 'c')])
    isLosing = false
    expect(new Set(positions.map((position) => position?.epoch)).size).toBe(3)
    await log.close()
    client.destroy()
  })

  it('under real memory pressure no loss is silent: a reader gets each event, or a gap', async () => {
    await using own = await startRedis()
    const namespace = 'pressure'
    const [log, other] = [
      redis.open({ url: own.url, namespace }),
      redis.open({ url: own.url, namespace, syncIntervalMs: 60_000, leaseMs: 180_000 }),
    ]
    await Promise.all([log.ready(), other.ready()])
    const { heard } = listen(log)
    const stored: string[] = []
    const held = new Map<string, readonly number[]>()
    let epochs = 0
    let last = ''
    const appendNext = async (n: number): Promise<void> => {
      const data = `${n} ${'x'.repeat(5000)}`
      // The other process looks rarely, and so goes on while keys are evicted.
      const position = await append(other, 'a', data).catch(() => undefined)
      if (position === undefined) return
      stored.push(data)
      if (position.epoch !== last) epochs += 1
      last = position.epoch
      held.set(position.epoch, [...(held.get(position.epoch) ?? []), position.seq])
      if (n % 10 === 0) await expectHeld()
    }
    // A replay of an epoch gives the events stored in it, or a gap.
    const expectHeld = async (): Promise<void> => {
      const before = await other.head()
      const page = await readAll(other, 'a').catch(() => undefined)
      // While keys go, a read may find another epoch each time, and says so.
      if (page === undefined) return
      const { entries, evictedUpTo } = page
      if ((await other.head()).epoch !== before.epoch) return
      const found = new Set(entries.map(({ position }) => position.seq))
      const missing = held.get(before.epoch)?.filter((seq) => seq > evictedUpTo && !found.has(seq))
      expect(missing ?? []).toEqual([])
    }
    for (let n = 0; n < 50; n += 1) await appendNext(n)
    await commandAt(own.url, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random')
    await commandAt(own.url, 'CONFIG', 'SET', 'maxmemory', '2mb')
    for (let n = 50; n < 1000; n += 1) await appendNext(n)
    expect(epochs).toBeGreaterThan(2)
    await commandAt(own.url, 'CONFIG', 'SET', 'maxmemory', '0')
    await append(other, 'a', 'the end')
    await vi.waitUntil(() => heard.includes('the end'), patience)
    // Events missing between two received ones lie in a gap.
    let next = 0
    let isTold = false
    for (const word of heard.slice(0, -1)) {
      if (/^(?:restarted|skipped)/.test(word)) isTold = true
      else {
        const index = stored.indexOf(word, next)
        expect(index).toBeGreaterThanOrEqual(next)
        if (index > next) expect(isTold).toBe(true)
        next = index + 1
        isTold = false
      }
    }
    if (next < stored.length) expect(isTold).toBe(true)
  })
})
