import type { RedisLog } from '@sse-toolkit/sse-redis'
import { systemRuntime } from '@sse-toolkit/sse-server'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { append, end, listen, observeRuntime, read, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis

describe.skipIf(server.skip)('finite topics', () => {
  it('finite topics keep their states in a new epoch: a failover makes nothing run again', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await log.claim('running')
    await log.claim('over')
    await append(log, 'over', 'x')
    const ending = await end(log, 'over')
    const { epoch } = await log.head()
    // As on another server.
    await command('HSET', `{${namespace}}:meta`, 'run', 'another')
    expect((await log.head()).epoch).not.toBe(epoch)
    expect(await log.claim('running')).toBe('running')
    expect(await log.claim('over')).toBe('ended')
    // Its reader gets a gap, and reaches the end.
    const page = await read(log, 'over')
    expect(page.entries.map(({ event, position: { seq } }) => [event, seq])).toEqual([
      ['stream.end', ending?.seq],
    ])
    expect(page.evictedUpTo).toBe(ending?.seq)
    // Of one that begins now nothing is gone.
    await log.claim('new')
    await append(log, 'new', 'y')
    const fresh = await read(log, 'new')
    expect([fresh.entries.length, fresh.evictedUpTo]).toEqual([1, 0])
    await log.close()
  })

  it('a process that is alive keeps the topics it runs for longer than a lease', async () => {
    const namespace = newNamespace()
    const { runtime, rounds } = observeRuntime(100)
    const timing = { syncIntervalMs: 100, leaseMs: 300 }
    const [log, other] = [open({ namespace, ...timing }), open({ namespace, ...timing, runtime })]
    const { heard } = listen(other)
    expect(await log.claim('answer')).toBe('open')
    // Each round would find a lease that is over.
    const roundsBefore = rounds()
    await vi.waitUntil(() => rounds() >= roundsBefore + 8, patience)
    expect(heard).toEqual([])
    expect(await other.claim('answer')).toBe('running')
  })

  it('one other process takes over the topics of a dead process, and another one if that dies, too', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await log.claim('answer')
    const others = [open({ namespace }), open({ namespace })]
    const heard = others.map((other) => listen(other).heard)
    await log.close()
    await vi.waitUntil(() => heard.flat().length === 1, patience)
    expect(heard.flat()).toEqual(['abandoned answer'])
    // It does not end it either.
    const heir = others.find((_, index) => heard[index]?.length === 1)
    await heir?.close()
    await vi.waitUntil(() => heard.flat().length === 2, patience)
    expect((await (others.find((other) => other !== heir) as RedisLog).status('answer')).state).toBe(
      'running',
    )
  })

  it('a process without a tail does not take over an abandoned topic', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await log.claim('answer')
    await log.close()
    const { runtime, rounds } = observeRuntime(100)
    const idle = open({ namespace, syncIntervalMs: 100, runtime })
    await idle.ready()
    await vi.waitUntil(async () => {
      const [seconds = '0', micros = '0'] = await command<string[]>('TIME')
      const due = await command<number>('ZSCORE', `{${namespace}}:due`, 'answer')
      return Number(seconds) * 1000 + Number(micros) / 1000 > due
    }, patience)
    // The lease is over, and the idle process looks at it.
    const roundsBefore = rounds()
    await vi.waitUntil(() => rounds() >= roundsBefore + 2, patience)
    const { heard } = listen(open({ namespace }))
    await vi.waitUntil(() => heard.length === 1, patience)
    expect(heard).toEqual(['abandoned answer'])
  })

  it('a process that was cut off for longer than its lease is notified to stop the topics it lost', async () => {
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const namespace = newNamespace()
    const log = open({ namespace, url: `redis://127.0.0.1:${proxy.port}` })
    const [mine, others] = [listen(log).heard, listen(open({ namespace })).heard]
    await log.claim('answer')
    await proxy.refuse()
    proxy.cutAll()
    await vi.waitUntil(() => others.length === 1, patience)
    expect([mine, others]).toEqual([[], ['abandoned answer']])
    await proxy.accept()
    await vi.waitUntil(() => mine.length === 1, patience)
    expect(mine).toEqual(['cancelled answer'])
  })

  it('a topic is cancelled even if the message is lost', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await log.claim('answer')
    const { heard } = listen(log)
    await command(
      'HSET',
      `{${namespace}}:finite`,
      'answer',
      `${await command<string>('HGET', `{${namespace}}:finite`, 'answer')}cancelled`,
    )
    await vi.waitUntil(() => heard.length > 0, patience)
    expect(heard[0]).toBe('cancelled answer')
  })
})

describe.skipIf(server.skip)('the clock of a process', () => {
  it('a process whose clock jumps keeps its leases and its events', async () => {
    let jumpMs = 0
    const observed = observeRuntime(100)
    const runtime = { ...observed.runtime, now: () => systemRuntime.now() + jumpMs, wallClock: () => 0 }
    const namespace = newNamespace()
    const log = open({ namespace, runtime, maxAgeMs: 60_000, syncIntervalMs: 100 })
    const other = open({ namespace, maxAgeMs: 60_000 })
    await other.ready()
    const { heard } = listen(other)
    await append(log, 'a', '1')
    await log.claim('answer')
    for (jumpMs of [3_600_000, -3_600_000, 0]) {
      await append(log, 'a', String(jumpMs))
      const roundsBefore = observed.rounds()
      await vi.waitUntil(() => observed.rounds() >= roundsBefore + 3, patience)
    }
    expect(heard).toEqual(['1', '3600000', '-3600000', '0'])
    expect((await read(other, 'a')).entries).toHaveLength(4)
  })
})
