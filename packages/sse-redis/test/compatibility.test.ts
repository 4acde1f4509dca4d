import { createClient } from '@redis/client'
import { patience, startRedis } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { append, commandAt, end, keyNames, listen, read, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command } = redis

describe.skipIf(server.skip)('compatibility', () => {
  it.each([
    ['an older release', ['HDEL', 'version'], '1'],
    ['a newer release', ['HSET', 'version', '3'], '3'],
  ])('the keys of %s are refused, and left as they are', async (_name, [verb = '', ...rest], version) => {
    const namespace = redis.newNamespace()
    const before = open({ namespace })
    await append(before, 'a', '1')
    await before.claim('answer')
    await before.close()
    const keys = keyNames.map((key) => `{${namespace}}:${key}`)
    await command(verb, keys[0] ?? '', ...rest)
    // A script compares them: their values are bytes.
    const digest = (): Promise<string> =>
      command<string>(
        'EVAL',
        `local all = ''
        for _, key in ipairs(KEYS) do all = redis.sha1hex(all .. redis.call('DUMP', key)) end
        return all`,
        String(keys.length),
        ...keys,
      )
    const left = await digest()
    const log = open({ namespace })
    const expected = {
      name: 'IncompatibleRedisError',
      code: 'other-version',
      message: expect.stringMatching(new RegExp(`of version ${version},.*version 2.*another namespace`)),
    }
    await expect(log.ready()).rejects.toMatchObject(expected)
    const refused = await Promise.allSettled([
      append(log, 'a', '2'),
      log.claim('answer'),
      end(log, 'answer'),
      log.cancel('answer'),
      log.control('n', 'x', { ttlMs: 1000 }),
      log.controls(''),
      log.status('answer'),
      log.head(),
      read(log, 'a'),
    ])
    for (const each of refused) expect(each).toMatchObject({ status: 'rejected', reason: expected })
    expect(await digest()).toBe(left)
    // What the error says to do.
    await command('DEL', ...keys)
    await vi.waitFor(() => log.ready(), patience)
    await expect(append(log, 'a', '1')).resolves.toHaveProperty('seq', 1)
  })

  it('keys that another release replaces while the log is open are refused, too', async () => {
    const namespace = redis.newNamespace()
    const log = open({ namespace, syncIntervalMs: 60_000, leaseMs: 180_000 })
    await append(log, 'a', '1')
    await command('HSET', `{${namespace}}:meta`, 'version', '3')
    await expect(append(log, 'a', '2')).rejects.toMatchObject({ code: 'other-version' })
    await command('HSET', `{${namespace}}:meta`, 'version', '2')
    await expect(append(log, 'a', '2')).resolves.toHaveProperty('seq', 2)
  })

  it('a Redis with a limit and an allkeys- policy is refused until that changes', async () => {
    await using evicting = await startRedis({
      args: ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'],
    })
    const log = open({ url: evicting.url, syncIntervalMs: 20 })
    const expected = expect.objectContaining({ name: 'IncompatibleRedisError', code: 'evicting-redis' })
    await expect(log.ready()).rejects.toThrow(expected)
    await expect(append(log, 'a')).rejects.toThrow(expected)
    await expect(read(log, 'a')).rejects.toThrow(expected)
    const client = createClient({ url: evicting.url })
    await client.connect()
    await client.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction'])
    client.destroy()
    await vi.waitFor(() => log.ready(), patience)
    await append(log, 'a')
    expect((await read(log, 'a')).entries).toHaveLength(1)
  })

  it('a Redis at maxmemory stores nothing, is still read, and stores again when there is room', async () => {
    await using full = await startRedis()
    const log = open({ url: full.url, maxAgeMs: 300 })
    await append(log, 'a', '1')
    const client = createClient({ url: full.url })
    await client.connect()
    await client.sendCommand(['CONFIG', 'SET', 'maxmemory', '1mb'])
    const expected = expect.objectContaining({ name: 'LogFullError', code: 'log-full' })
    await expect(append(log, 'a', '2')).rejects.toThrow(expected)
    await expect(log.claim('answer')).rejects.toThrow(expected)
    await expect(end(log, 'b')).rejects.toThrow(expected)
    expect((await read(log, 'a')).entries).toHaveLength(1)
    // What is too old goes all the same.
    await vi.waitUntil(async () => (await read(log, 'a')).entries.length === 0, patience)
    await client.sendCommand(['CONFIG', 'SET', 'maxmemory', '0'])
    await expect(append(log, 'a', '3')).resolves.toHaveProperty('seq', 2)
    client.destroy()
  })

  it('a Redis that begins to evict keys while the log is open is refused by the next round of maintenance', async () => {
    await using own = await startRedis()
    const log = redis.open({ url: own.url, namespace: 'evicting' })
    await log.claim('answer')
    const { heard } = listen(log)
    await append(log, 'a', '1')
    await commandAt(own.url, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random')
    await append(log, 'a', '2')
    await commandAt(own.url, 'CONFIG', 'SET', 'maxmemory', '100mb')
    const refusal = expect.objectContaining({ code: 'evicting-redis' })
    await vi.waitUntil(
      () =>
        log.ready().then(
          () => false,
          () => true,
        ),
      patience,
    )
    await expect(append(log, 'a', 'refused')).rejects.toThrow(refusal)
    await expect(read(log, 'a')).rejects.toThrow(refusal)
    await expect(log.head()).rejects.toThrow(refusal)
    // Followers are notified all the same of evicted events.
    await commandAt(own.url, 'DEL', '{evicting}:log')
    await vi.waitUntil(() => heard.length === 3, patience)
    expect(heard).toEqual(['1', '2', 'restarted at 2'])
    await commandAt(own.url, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await vi.waitFor(() => log.ready(), patience)
    await expect(append(log, 'a', '3')).resolves.toHaveProperty('seq', 3)
    expect((await log.status('answer')).state).toBe('running')
  })

  it.each(['volatile-lru', 'volatile-ttl', 'noeviction'])(
    'a Redis with a limit and the policy %s is used',
    async (policy) => {
      await using own = await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', policy] })
      const log = redis.open({ url: own.url })
      await expect(append(log, 'a', '1')).resolves.toHaveProperty('seq', 1)
    },
  )
})
