import { createClient } from '@redis/client'
import type { RedisClient } from '@sse-toolkit/sse-redis'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import {
  append,
  deaf,
  listen,
  observeRuntime,
  read,
  relayingClient,
  server,
  useRedis,
} from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis

describe.skipIf(server.skip)('following', () => {
  /** A client of the user whose messages are passed on as the test says. */
  function clientWith(relay: (message: string, pass: () => void) => void): RedisClient {
    const client = createClient({ url: redis.url }) as RedisClient
    return relayingClient(client, {
      sSubscribe: (channel, listener) =>
        client.sSubscribe(channel, (message) => relay(message, () => listener(message))),
    })
  }

  it('the next message reveals a lost one', async () => {
    let count = 0
    let lost = 0
    const client = clientWith((_message, pass) => {
      count += 1
      if (count % 3 === 2) lost += 1
      else pass()
    })
    const log = open({ redis: client, syncIntervalMs: 10_000, leaseMs: 30_000 })
    const { heard } = listen(log)
    for (let n = 0; n < 50; n += 1) await append(log, 'a', String(n))
    await append(log, 'a', 'last').then(() => append(log, 'a', 'very last'))
    await vi.waitUntil(() => heard.length >= 51, patience)
    expect(lost).toBeGreaterThan(10)
    expect(heard.slice(0, 51)).toEqual([...Array.from({ length: 50 }, (_, n) => String(n)), 'last'])
    client.destroy()
  })

  it('the loss of the last message before a silence is noticed within two rounds of maintenance', async () => {
    let lost = 0
    const client = clientWith(() => {
      lost += 1
    })
    const { runtime, rounds } = observeRuntime(100)
    const log = open({ redis: client, syncIntervalMs: 100, runtime })
    let roundsWhenHeard: number | undefined
    log.tail({ ...deaf, appended: () => (roundsWhenHeard = rounds()) })
    await append(log, 'a', '1')
    const roundsBefore = rounds()
    await vi.waitUntil(() => roundsWhenHeard !== undefined, patience)
    // One may have begun before the event was there.
    expect((roundsWhenHeard ?? 0) - roundsBefore).toBeLessThanOrEqual(2)
    expect(lost).toBeGreaterThan(0)
    client.destroy()
  })

  it('a message that comes twice, or late, is delivered once', async () => {
    let [passed, repeated] = [0, 0]
    const client = clientWith((_message, pass) => {
      pass()
      passed += 1
      setTimeout(() => {
        pass()
        repeated += 1
      }, 5)
    })
    const log = open({ redis: client })
    const { heard } = listen(log)
    for (let n = 0; n < 20; n += 1) await append(log, 'a', String(n))
    await vi.waitUntil(() => heard.length >= 20 && repeated === passed, patience)
    expect(heard).toEqual(Array.from({ length: 20 }, (_, n) => String(n)))
    client.destroy()
  })

  it('when Redis was emptied, tails go on in another epoch and get what was appended since', async () => {
    const namespace = newNamespace()
    const [log, other] = [open({ namespace }), open({ namespace })]
    await Promise.all([log.ready(), other.ready()])
    const { heard } = listen(log)
    const { epoch } = await append(log, 'a', 'before')
    await command('DEL', ...(await command<string[]>('KEYS', `{${namespace}}:*`)))
    const after = await append(other, 'a', 'after')
    expect(after).toEqual({ epoch: expect.not.stringContaining(epoch), seq: 1 })
    await vi.waitUntil(() => heard.includes('after'), patience)
    expect(heard).toEqual(['before', 'restarted at 0', 'after'])
  })

  it('a process that missed the start of an epoch is notified before it reads', async () => {
    const namespace = newNamespace()
    const client = clientWith(() => undefined)
    const log = open({ redis: client, namespace, syncIntervalMs: 10_000, leaseMs: 30_000 })
    const { heard } = listen(log)
    await log.ready()
    await command('DEL', `{${namespace}}:meta`)
    await append(open({ namespace }), 'a', '1')
    const page = await read(log, 'a')
    // Without the counter something may be gone that the log held: its first place is left free.
    expect(heard).toEqual(['restarted at 1', '1'])
    expect(page.entries).toHaveLength(1)
    client.destroy()
  })

  it('a log that lacks what a process has seen begins a new epoch, even with failover: lossless', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, failover: 'lossless' })
    const { heard } = listen(log)
    const { epoch } = await append(log, 'a', '1')
    await append(log, 'a', '2')
    await vi.waitUntil(() => heard.length === 2, patience)
    // As a replica has it that takes over without the last write: at once, or the log would see the half of it.
    const withoutTheLastWrite = `
      redis.call('HSET', KEYS[1], 'seq', '1')
      redis.call('XDEL', KEYS[2], '2-0')
      redis.call('XSETID', KEYS[2], '1-0')
      redis.call('ZREM', KEYS[3], 'a\\0' .. '0000000000000002')`
    const keys = ['meta', 'log', 'index'].map((key) => `{${namespace}}:${key}`)
    await command('EVAL', withoutTheLastWrite, '3', ...keys)
    const head = await log.head()
    expect(head.seq).toBe(1)
    expect(head.epoch).not.toBe(epoch)
    await vi.waitUntil(() => heard.length === 3, patience)
    expect(heard[2]).toBe('restarted at 1')
    // What it still has would come a second time to those who have had it.
    const page = await read(log, '>')
    expect([page.entries, page.evictedUpTo]).toEqual([[], 1])
  })
})
