import { createClient } from '@redis/client'
import type { RedisClient, RedisLog } from '@sse-toolkit/sse-redis'
import type { ControlEntry } from '@sse-toolkit/sse-server'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { append, deaf, listen, relayingClient, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis
const rarely = { syncIntervalMs: 60_000, leaseMs: 180_000 }
const kept = { ttlMs: 60_000 }

/** A client over which messages of the channel are lost as the test says. */
async function losing(isLost: (message: string) => boolean): Promise<RedisClient> {
  const client = createClient({ url: redis.url }) as RedisClient
  onTestFinished(() => void client.destroy())
  return relayingClient(client, {
    sSubscribe: (channel, listener) =>
      client.sSubscribe(channel, (message) => {
        if (!isLost(message)) listener(message)
      }),
    sUnsubscribe: async () => undefined,
  })
}

async function namesOf(log: RedisLog, prefix = ''): Promise<readonly string[]> {
  return (await log.controls(prefix)).map(({ name }) => name).toSorted()
}

describe.skipIf(server.skip)('a control entry', () => {
  it('keeps its place among the events of its process', async () => {
    const log = open()
    const { heard } = listen(log)
    await Promise.all([
      append(log, 'a', '1'),
      log.control('n', 'x', kept),
      append(log, 'a', '2'),
      append(log, 'a', '3'),
      log.control('n', 'y', { ttlMs: 0 }),
    ])
    await vi.waitUntil(() => heard.length === 5, patience)
    expect(heard).toEqual(['1', 'control n x', '2', '3', 'control n y'])
  })

  it('whose message is lost arrives with the next one, with its current age', async () => {
    const namespace = newNamespace()
    const log = open({
      redis: await losing((message) => message.startsWith('control 1 ')),
      namespace,
      ...rarely,
    })
    await log.ready()
    const entries: ControlEntry[] = []
    log.tail({ ...deaf, controlled: (entry) => void entries.push(entry) })
    const other = open({ namespace })
    await other.control('lost', 'x', kept)
    await command(
      'HSET',
      `{${namespace}}:controls`,
      'nlost',
      (await command<string>('HGET', `{${namespace}}:controls`, 'nlost')).replace(/^\d+/, (at) =>
        String(Number(at) - 1000),
      ),
    )
    await other.control('silent', 'y', { ...kept, notify: false })
    await other.control('over', 'z', { ttlMs: 0 })
    await other.control('next', 'z', kept)
    await vi.waitUntil(() => entries.some(({ name }) => name === 'next'), patience)
    expect(entries.map(({ name }) => name).toSorted()).toEqual(['lost', 'next'])
    expect(entries.find(({ name }) => name === 'lost')?.ageMs).toBeGreaterThanOrEqual(1000)
  })

  it('whose message is lost before a silence arrives within two rounds', async () => {
    const namespace = newNamespace()
    const log = open({ redis: await losing(() => true), namespace })
    await log.ready()
    const { heard } = listen(log)
    await open({ namespace, ...rarely }).control('lost', 'x', kept)
    await vi.waitUntil(() => heard.includes('control lost x'), patience)
  })

  it('reaches a process that starts later, if it is kept', async () => {
    const namespace = newNamespace()
    const first = open({ namespace })
    await first.control('kept', 'x', kept)
    await first.control('over', 'y', { ttlMs: 0 })
    await first.control('silent', 'z', { ...kept, notify: false })
    const later = open({ namespace })
    const { heard } = listen(later)
    await later.ready()
    expect(heard).toEqual(['control kept x'])
    expect(await namesOf(later)).toEqual(['kept', 'silent'])
  })

  it.each(['run', 'lapses', 'controls'])(
    'survives into a new epoch as far as Redis still has it: without %s',
    async (lost) => {
      const namespace = newNamespace()
      const log = open({ namespace, ...rarely })
      const { heard } = listen(log)
      await log.control('forbid', 'x', kept)
      await vi.waitUntil(() => heard.length === 1, patience)
      if (lost === 'run') await command('HSET', `{${namespace}}:meta`, 'run', 'another')
      else await command('DEL', `{${namespace}}:${lost}`)
      await append(log, 'a', 'after')
      await vi.waitUntil(() => heard.includes('after'), patience)
      expect(await namesOf(log)).toEqual(lost === 'controls' ? [] : ['forbid'])
      expect(await command('ZCARD', `{${namespace}}:lapses`)).toBe((lost === 'controls' ? 0 : 1) + 1)
      await vi.waitUntil(
        () => heard.filter((word) => word.startsWith('control')).length >= (lost === 'controls' ? 1 : 2),
        patience,
      )
    },
  )

  it('that arrives a second time, late, does not replace a newer one', async () => {
    const client = createClient({ url: redis.url }) as RedisClient
    const calls: (() => Promise<unknown>)[] = []
    const recording = relayingClient(client, {
      evalSha: (...args) => {
        calls.push(() => client.evalSha(...args))
        return client.evalSha(...args)
      },
    })
    const log = open({ redis: recording })
    await log.control('n', 'old', kept)
    await log.control('n', 'new', kept)
    for (const call of calls.slice()) await call()
    expect((await log.controls('')).map(({ value }) => value)).toEqual(['new'])
    await log.close()
    client.destroy()
  })

  it('is found by its prefix, whatever characters that contains', async () => {
    const log = open()
    for (const name of ['*a', '?a', '[a]', '\\a', 'a*', 'a', ' ', 'é\n']) await log.control(name, '', kept)
    expect(await namesOf(log, '*')).toEqual(['*a'])
    expect(await namesOf(log, '?')).toEqual(['?a'])
    expect(await namesOf(log, '[a')).toEqual(['[a]'])
    expect(await namesOf(log, '\\')).toEqual(['\\a'])
    expect(await namesOf(log, 'a')).toEqual(['a', 'a*'])
    expect(await namesOf(log, ' ')).toEqual([' '])
    expect(await namesOf(log, 'é\n')).toEqual(['é\n'])
    expect(await namesOf(log)).toHaveLength(8)
  })

  it('that has expired leaves nothing behind, and at most 20 000 names are kept: those that expire first are dropped', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await log.control('over', 'x', { ttlMs: 1 })
    const sizes = (): Promise<readonly [number, number]> =>
      Promise.all([
        command<number>('HLEN', `{${namespace}}:controls`),
        command<number>('ZCARD', `{${namespace}}:lapses`),
      ])
    await vi.waitUntil(async () => (await sizes()).every((size) => size === 0 + 1), patience)
    const [seconds = '0'] = await command<string[]>('TIME')
    await command(
      'EVAL',
      `for each = 1, 20000 do
        local name, entry = 'n' .. each, ARGV[1] .. '000 60000 1 ["' .. each .. '",""]'
        redis.call('HSET', KEYS[1], name, entry)
        redis.call('ZADD', KEYS[2], ARGV[1] * 1000 + 60000 + each, name)
      end`,
      '2',
      `{${namespace}}:controls`,
      `{${namespace}}:lapses`,
      seconds,
    )
    await log.control('new', 'x', { ttlMs: 3_600_000 })
    expect(await sizes()).toEqual([20_000 + 1, 20_000 + 1])
    const names = await namesOf(log)
    expect([names.length, names.includes('new'), names.includes('1')]).toEqual([20_000, true, false])
  })
})
