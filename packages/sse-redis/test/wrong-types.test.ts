import { describe, expect, it, vi } from 'vitest'
import { patience } from '@sse-toolkit/test-support'
import { append, end, keyNames, keyTypes, listen, read, server, useRedis } from './redis-fixture.ts'
import type { KeyType } from './redis-fixture.ts'

// The commands that leave a key of another type behind.
const values = {
  string: ['SET', 'x'],
  list: ['RPUSH', 'x'],
  set: ['SADD', 'x'],
  hash: ['HSET', 'x', 'x'],
  zset: ['ZADD', '1', 'x'],
  stream: ['XADD', '*', 'x', 'x'],
} as const satisfies Readonly<Record<KeyType, readonly string[]>>

const cases = keyNames.flatMap((key) =>
  (Object.keys(values) as KeyType[])
    .filter((type) => type !== keyTypes[key])
    .map((type) => [key, type] as const),
)

describe.skipIf(server.skip)('a key of the log that is of another type', () => {
  const redis = useRedis()

  it.each(cases)(
    '%s, a %s: a call that rejects has changed nothing, and a call that changed something resolves',
    async (key, type) => {
      const namespace = redis.newNamespace()
      // Maintenance is far off.
      const log = redis.open({ namespace, syncIntervalMs: 60_000, leaseMs: 180_000 })
      await log.ready()
      const { heard } = listen(log)
      await append(log, 'a', 'before')
      await log.claim('running')
      await vi.waitUntil(() => heard.length === 1, patience)
      const name = `{${namespace}}:${key}`
      await redis.command('RENAME', name, `{${namespace}}-kept`)
      const [command, ...rest] = values[type]
      await redis.command(command, name, ...rest)
      const outcomes = await Promise.allSettled([
        append(log, 'a', 'meanwhile'),
        end(log, 'over'),
        end(log, 'running'),
        log.claim('new'),
        log.cancel('running'),
        log.appendBatch([{ topic: 'b', data: 'batch' }], { id: 'p', epoch: 0, seq: 0 }),
        log.control('name', 'value', { ttlMs: 60_000 }),
      ])
      // The error says which key it is.
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { code: 'log-unavailable', message: expect.stringContaining('WRONGTYPE') },
        })
      await redis.command('RENAME', `{${namespace}}-kept`, name)
      expect((await append(log, 'a', 'after')).seq).toBe(2)
      await vi.waitUntil(() => heard.length === 2, patience)
      expect(heard).toEqual(['before', 'after'])
      expect((await read(log, '>')).entries.map(({ data }) => data)).toEqual(['before', 'after'])
      expect(
        await Promise.all(['over', 'running', 'new'].map(async (topic) => (await log.status(topic)).state)),
      ).toEqual(['open', 'running', 'open'])
      expect(await log.controls('')).toEqual([])
      const again = await log.appendBatch([{ topic: 'b', data: 'batch' }], { id: 'p', epoch: 0, seq: 0 })
      expect(again).toMatchObject({ stored: true, position: { seq: 3 } })
    },
  )

  it.each(keyNames.filter((key) => !['meta', 'log', 'index', 'gone', 'finite', 'writers'].includes(key)))(
    'does not affect an append without finite topics: %s',
    async (key) => {
      const namespace = redis.newNamespace()
      const log = redis.open({ namespace, syncIntervalMs: 60_000, leaseMs: 180_000 })
      await append(log, 'a', '1')
      const name = `{${namespace}}:${key}`
      await redis.command('RENAME', name, `{${namespace}}-kept`)
      await redis.command('SET', name, 'x')
      expect((await append(log, 'a', '2')).seq).toBe(2)
      await expect(log.claim('new')).rejects.toMatchObject({ message: expect.stringContaining(name) })
      await redis.command('DEL', name)
      await redis.command('RENAME', `{${namespace}}-kept`, name)
      expect(await log.claim('new')).toBe('open')
      expect((await read(log, 'a')).entries.map(({ data }) => data)).toEqual(['1', '2'])
    },
  )

  it('an append that fails halfway has an unknown outcome', async () => {
    const namespace = redis.newNamespace()
    const user = 'halfway'
    // It may do everything but publish on the channel, which comes after the event is stored.
    await redis.command('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all')
    const log = redis.open({ namespace, url: `redis://${user}:secret@127.0.0.1:${redis.port}` })
    await append(log, 'a', 'before')
    await redis.command('ACL', 'SETUSER', user, '-spublish')
    await expect(append(log, 'a', 'stored')).rejects.toMatchObject({
      code: 'outcome-unknown',
      operation: 'append to a',
    })
    const { entries } = await read(log, 'a')
    expect(entries.map(({ data }) => data)).toEqual(['before', 'stored'])
  })

  it('an append that Redis refuses before it stores anything has a known outcome', async () => {
    const namespace = redis.newNamespace()
    const user = 'refused'
    await redis.command('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all')
    const log = redis.open({ namespace, url: `redis://${user}:secret@127.0.0.1:${redis.port}` })
    await append(log, 'a', 'before')
    await redis.command('ACL', 'SETUSER', user, '-xadd')
    await expect(append(log, 'a', 'refused')).rejects.toMatchObject({ code: 'log-unavailable' })
    const { entries } = await read(log, 'a')
    expect(entries.map(({ data }) => data)).toEqual(['before'])
  })
})
