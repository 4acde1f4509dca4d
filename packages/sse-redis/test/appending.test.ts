import { createClient } from '@redis/client'
import type { RedisClient } from '@sse-toolkit/sse-redis'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { append, end, listen, read, relayingClient, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, newNamespace } = redis

describe.skipIf(server.skip)('appending', () => {
  it('events are stored in the order of the calls, however many there are', async () => {
    const log = open()
    const positions = await Promise.all(
      Array.from({ length: 2000 }, (_, n) => append(log, `t${n % 7}`, String(n))),
    )
    expect(positions.map(({ seq }) => seq)).toEqual(positions.map((_, n) => n + 1))
  })

  it('in a batch, only the events of an ended topic are refused', async () => {
    const log = open()
    await end(log, 'over')
    const outcomes = await Promise.allSettled(['a', 'over', 'b'].map((topic) => append(log, topic)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'topic-ended' } })
  })

  it('a topic that would corrupt a message of the channel is refused', async () => {
    for (const topic of ['a b', 'a\nb', 'a\0b']) {
      await expect(append(open(), topic)).rejects.toThrow(expect.objectContaining({ code: 'invalid-topic' }))
    }
  })

  it('every text is stored and delivered unchanged', async () => {
    const log = open()
    const { entries } = listen(log)
    const event = { topic: 'täglich.😀', event: 'two\nlines', data: '\u2028"\\\ud800\0', key: 'k\n' }
    const position = await log.append(event)
    await vi.waitUntil(() => entries.length === 1, patience)
    expect(entries).toEqual([{ ...event, position }])
    expect((await read(log, event.topic)).entries).toEqual(entries)
  })

  it('no more than maxPendingEvents wait to be appended', async () => {
    const log = open({ maxPendingEvents: 5 })
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => append(log, 'a')))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    expect(outcomes.at(-1)).toMatchObject({
      reason: { name: 'LogUnavailableError', code: 'too-many-pending' },
    })
    await expect(append(log, 'a')).resolves.toHaveProperty('seq', 6)
  })

  it('no more than maxPendingBytes wait to be appended, but one event that is larger may', async () => {
    const log = open({ maxPendingBytes: 1000 })
    const large = append(log, 'a', 'x'.repeat(5000))
    const refused = append(log, 'a', 'y')
    expect(log.stats()).toMatchObject({ pendingEvents: 1, pendingBytes: 64 + 5000 + 4 })
    await expect(refused).rejects.toMatchObject({
      code: 'too-many-pending',
      message: expect.stringContaining('maxPendingBytes: 1000'),
    })
    await large
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => append(log, 'a', 'é'.repeat(100))),
    )
    // Each of 64 bytes, and 200 in UTF-8.
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    await vi.waitUntil(() => log.stats().pendingBytes === 0, patience)
    expect(log.stats().pendingEvents).toBe(0)
    await log.appendBatch([{ topic: 'a', data: 'x'.repeat(2000) }])
    expect((await log.head()).seq).toBe(5)
  })

  it('append rejects with log-unavailable in time when Redis cannot be reached', async () => {
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    await proxy.refuse()
    const log = open({ url: `redis://127.0.0.1:${proxy.port}`, commandTimeoutMs: 100 })
    const expected = { name: 'LogUnavailableError', code: 'log-unavailable', operation: 'append' }
    await expect(append(log, 'a')).rejects.toThrow(expect.objectContaining(expected))
    await expect(log.head()).rejects.toThrow(expect.objectContaining({ code: 'log-unavailable' }))
    await proxy.accept()
    await vi.waitUntil(
      () =>
        log.ready().then(
          () => true,
          () => false,
        ),
      patience,
    )
    await expect(append(log, 'a')).resolves.toHaveProperty('seq', 1)
  })

  it('append rejects with outcome-unknown when it was sent and never answered', async () => {
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const namespace = newNamespace()
    const log = open({ url: `redis://127.0.0.1:${proxy.port}`, namespace, commandTimeoutMs: 200 })
    await append(log, 'a', '1')
    proxy.faults.set({ toClient: { flow: 'black-hole' } })
    await expect(append(log, 'a', '2')).rejects.toThrow(
      expect.objectContaining({
        name: 'OutcomeUnknownError',
        code: 'outcome-unknown',
        operation: 'append to a',
      }),
    )
    const { entries } = await read(open({ namespace }), 'a')
    expect(entries.map(({ data }) => data)).toEqual(['1', '2'])
  })

  it('a batch whose connection broke before the answer is repeated, and stored once', async () => {
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const namespace = newNamespace()
    const log = open({ url: `redis://127.0.0.1:${proxy.port}`, namespace })
    await append(log, 'a', '1')
    proxy.faults.set({ toClient: { flow: 'black-hole' } }, 'open')
    const appended = Promise.all([append(log, 'a', '2'), append(log, 'b', '3')])
    const witness = open({ namespace })
    await vi.waitUntil(async () => (await read(witness, '>')).entries.length === 3, patience)
    proxy.cutAll('rst')
    await expect(appended).resolves.toHaveLength(2)
    const { entries } = await read(log, '>')
    expect(entries.map(({ data }) => data)).toEqual(['1', '2', '3'])
  })

  it('a batch is stored once, though its first attempt arrives after its retry', async () => {
    const client = createClient({ url: redis.url }) as RedisClient
    const calls: (() => Promise<unknown>)[] = []
    const recording = relayingClient(client, {
      evalSha: (...args) => {
        calls.push(() => client.evalSha(...args))
        return client.evalSha(...args)
      },
    })
    const namespace = newNamespace()
    const log = open({ redis: recording, namespace })
    for (const data of ['1', '2', '3']) await append(log, 'a', data)
    await log.claim('answer')
    await end(log, 'answer')
    for (const call of calls.slice()) await call()
    const { entries } = await read(open({ namespace }), '>')
    expect(entries.map(({ data }) => data)).toEqual(['1', '2', '3', '{}'])
    await log.close()
    client.destroy()
  })

  it('after close, append and head reject with hub-closed', async () => {
    const log = open()
    await log.ready()
    const appended = append(log, 'a')
    const closed = log.close()
    await expect(append(log, 'a')).rejects.toThrow(expect.objectContaining({ code: 'hub-closed' }))
    await expect(appended).rejects.toThrow(expect.objectContaining({ code: 'hub-closed' }))
    await closed
    await expect(log.head()).rejects.toThrow(expect.objectContaining({ code: 'hub-closed' }))
  })
})
