import type { RedisLog } from '@sse-toolkit/sse-redis'
import type { Appended, LoggedEvent, Position } from '@sse-toolkit/sse-server'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { append, end, listen, read, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis
const rarely = { syncIntervalMs: 60_000, leaseMs: 180_000 }

function batch(topic: string, ...data: readonly string[]): readonly LoggedEvent[] {
  return data.map((each) => ({ topic, data: each }))
}

/** One event of a producer. */
function publish(log: RedisLog, seq: number, { id = 'p', epoch = 0, topic = 'a' } = {}): Promise<Appended> {
  return log.appendBatch(batch(topic, `${epoch}.${seq}`), { id, epoch, seq })
}

describe.skipIf(server.skip)('a batch whose answer was lost', () => {
  /** Appends over a connection that loses the answer, and lets the test act before the retry. */
  async function appendAcrossLoss(
    appendTo: (log: RedisLog) => Promise<unknown>,
    meanwhile: (witness: RedisLog, namespace: string) => Promise<unknown>,
  ): Promise<{ readonly outcome: PromiseSettledResult<unknown>; readonly data: readonly string[] }> {
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const namespace = newNamespace()
    const log = open({ url: `redis://127.0.0.1:${proxy.port}`, namespace, ...rarely })
    const witness = open({ namespace, maxEvents: 50, ...rarely })
    const { heard } = listen(witness)
    await append(log, 'a', 'first')
    await vi.waitUntil(() => heard.length === 1, patience)
    proxy.faults.set({ toClient: { flow: 'black-hole' } }, 'open')
    const appending = Promise.allSettled([appendTo(log)])
    await vi.waitUntil(() => heard.length === 3, patience)
    await meanwhile(witness, namespace)
    proxy.cutAll('rst')
    const [outcome] = await appending
    return { outcome, data: (await read(witness, 'a')).entries.map(({ data }) => data) }
  }

  it.each([
    ['nothing happens', async () => undefined],
    ['its topic ends', (witness: RedisLog) => end(witness, 'a')],
    [
      'its events are evicted',
      (witness: RedisLog) => Promise.all(Array.from({ length: 60 }, () => append(witness, 'b'))),
    ],
    [
      'Redis begins a new epoch',
      (_: RedisLog, namespace: string) => command('HSET', `{${namespace}}:meta`, 'run', 'another'),
    ],
  ])('gets the answer of the first attempt, even if in between %s', async (_name, meanwhile) => {
    let epoch = ''
    const { outcome, data } = await appendAcrossLoss(
      (log) => log.appendBatch(batch('a', 'x', 'y')),
      async (witness, namespace) => {
        ;({ epoch } = await witness.head())
        await meanwhile(witness, namespace)
      },
    )
    expect(outcome).toEqual({ status: 'fulfilled', value: { position: { epoch, seq: 3 }, stored: true } })
    expect(data.filter((each) => each === 'x').length).toBeLessThanOrEqual(1)
  })

  it('of a producer is not mistaken for a repeat', async () => {
    const { outcome, data } = await appendAcrossLoss(
      (log) => log.appendBatch(batch('a', 'x', 'y'), { id: 'p', epoch: 0, seq: 0 }),
      async () => undefined,
    )
    expect(outcome).toMatchObject({ status: 'fulfilled', value: { stored: true } })
    expect(data).toEqual(['first', 'x', 'y'])
  })
})

describe.skipIf(server.skip)('batches in one call', () => {
  it('are each stored whole or not at all, and each gets its own answer', async () => {
    const log = open({ maxHeldBytesPerTopic: 200 })
    await end(log, 'over')
    await log.claim('small')
    const outcomes = await Promise.allSettled([
      log.appendBatch(batch('a', '1', '2')),
      log.appendBatch(batch('over', '1')),
      append(log, 'b', '1'),
      log.appendBatch(batch('small', '1', '2')),
      log.appendBatch(batch('small', '3', '4')),
      log.appendBatch(batch('small', '5')),
      publish(log, 0),
      publish(log, 0),
      publish(log, 1),
      publish(log, 3),
      publish(log, 0, { epoch: 1 }),
      publish(log, 2),
    ])
    const answers = outcomes.map((outcome) =>
      outcome.status === 'fulfilled'
        ? ('position' in outcome.value ? outcome.value.position : outcome.value).seq
        : outcome.reason.code,
    )
    const head = (await log.head()).seq
    expect(head).toBe(10)
    expect(answers).toEqual([
      3,
      'topic-ended',
      4,
      6,
      'topic-full',
      7,
      8,
      8,
      9,
      'sequence-gap',
      10,
      'stale-producer',
    ])
    expect((await read(log, 'small')).entries.map(({ data }) => data)).toEqual(['1', '2', '5'])
  })

  it('are not split, however many batches wait', async () => {
    const log = open()
    const { entries } = listen(log)
    const hundred = Array.from({ length: 100 }, (_, n) => String(n))
    await Promise.all(Array.from({ length: 20 }, (_, n) => log.appendBatch(batch(`t${n}`, ...hundred))))
    await vi.waitUntil(() => entries.length === 2000, patience)
    expect(entries.map(({ topic, data }) => `${topic} ${data}`)).toEqual(
      Array.from({ length: 2000 }, (_, n) => `t${Math.floor(n / 100)} ${n % 100}`),
    )
  })
})

describe.skipIf(server.skip)('the memory of a producer', () => {
  it('holds the positions of its last 1024 batches across calls, and of older ones only the latest', async () => {
    const log = open()
    const positions: Position[] = []
    // In calls of one, of few and of many; with other events between, so that no position follows from another.
    for (let count = 1; positions.length < 2500; count = (count * 7) % 101) {
      const first = positions.length
      const appended = Array.from({ length: count }, (_, n) => publish(log, first + n))
      positions.push(...(await Promise.all([...appended, append(log, 'b')])).slice(0, count).map(positionOf))
    }
    const repeats = await Promise.all(positions.map((_, seq) => publish(log, seq)))
    const latest = positions.at(-1)
    expect(repeats.every(({ stored }) => !stored)).toBe(true)
    expect(repeats.map(({ position }) => position)).toEqual(
      positions.map((position, seq) => (seq >= positions.length - 1024 ? position : latest)),
    )
    // A new epoch of it begins with nothing of the old.
    const anew = await publish(log, 0, { epoch: 1 })
    expect(await publish(log, 0, { epoch: 1 })).toEqual({ ...anew, stored: false })
    await expect(publish(log, 70, { epoch: 1 })).rejects.toMatchObject({
      code: 'sequence-gap',
      expected: { epoch: 1, seq: 1 },
    })
    await expect(publish(log, 5000)).rejects.toMatchObject({
      code: 'stale-producer',
      expected: { epoch: 1, seq: 1 },
    })
  })

  it('is bounded by count: the producer that appended longest ago is forgotten', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, maxProducers: 2 })
    for (const id of ['p', 'q', 'p', 'r'])
      await publish(log, id === 'p' && (await known(namespace, 'p')) ? 1 : 0, { id })
    expect((await publish(log, 1, { id: 'p' })).stored).toBe(false)
    expect((await publish(log, 0, { id: 'q' })).stored).toBe(true)
    expect(await command('ZCARD', `{${namespace}}:producers`)).toBe(2 + 1)
    expect(await command('HLEN', `{${namespace}}:batches`)).toBe(2 + 1)
  })

  it('expires by the clock of Redis, and leaves nothing behind', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, producerTtlMs: 3_600_000, ...rarely })
    for (let seq = 0; seq < 100; seq += 1) await publish(log, seq)
    const key = `{${namespace}}:producers`
    await command('ZINCRBY', key, '-3590000', 'a "p"')
    expect((await publish(log, 99)).stored).toBe(false)
    await command('ZINCRBY', key, '-20000', 'a "p"')
    expect((await publish(log, 0)).stored).toBe(true)
    expect((await publish(log, 0)).stored).toBe(false)
    await command('ZINCRBY', key, '-3700000', 'a "p"')
    // Another process goes over what is over.
    open({ namespace, producerTtlMs: 3_600_000 })
    await vi.waitUntil(async () => (await command('ZCARD', key)) === 0 + 1, patience)
    expect(await command('HLEN', `{${namespace}}:batches`)).toBe(0 + 1)
  })

  it('ends with the epoch', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, ...rarely })
    const before = await publish(log, 0)
    await command('HSET', `{${namespace}}:meta`, 'run', 'another')
    const after = await publish(log, 0)
    expect(after.stored).toBe(true)
    expect(after.position.epoch).not.toBe(before.position.epoch)
  })

  async function known(namespace: string, id: string): Promise<boolean> {
    return (await command('ZSCORE', `{${namespace}}:producers`, `a ${JSON.stringify(id)}`)) !== null
  }
})

function positionOf(appended: Appended | Position): Position {
  return 'position' in appended ? appended.position : appended
}
