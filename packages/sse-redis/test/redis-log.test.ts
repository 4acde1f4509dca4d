import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, createCluster, createSentinel } from '@redis/client'
import {
  findRedisServer,
  patience,
  type StartedRedis,
  startFaultProxy,
  startProcess,
  startRedis,
} from '@sse-toolkit/test-support'
import {
  systemRuntime,
  type Runtime,
  type EventLog,
  type LogEntry,
  type LogTailListener,
  type Position,
} from '@sse-toolkit/sse-server'
import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { redisLog, type RedisClient, type RedisLog, type RedisLogOptions } from '@sse-toolkit/sse-redis'

const server = findRedisServer()

let redis: StartedRedis
let namespaces = 0
const opened: RedisLog[] = []

beforeAll(async () => {
  if (!server.skip) redis = await startRedis({ args: ['--enable-debug-command', 'yes'] })
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((log) => log.close()))
})
afterAll(async () => {
  if (!server.skip) await redis[Symbol.asyncDispose]()
})

function newNamespace(): string {
  return `test-${(namespaces += 1)}`
}

/** Shortened, and closed after the test. */
function open(options: RedisLogOptions = {}): RedisLog {
  const log = redisLog({
    ...(options.redis === undefined && { url: redis.url }),
    namespace: newNamespace(),
    syncIntervalMs: 50,
    leaseMs: 400,
    commandTimeoutMs: 5000,
    onError: () => undefined,
    ...options,
  })
  opened.push(log)
  return log
}

async function command<T>(...args: readonly string[]): Promise<T> {
  const client = createClient({ url: redis.url })
  await client.connect()
  try {
    return await client.sendCommand<T>([...args])
  } finally {
    client.destroy()
  }
}

function append(log: EventLog, topic: string, data = ''): Promise<Position> {
  return log.append({ topic, event: undefined, data, key: undefined })
}

function end(log: EventLog, topic: string, ttlMs = 60_000): Promise<Position | undefined> {
  return log.end({ topic, event: 'stream.end', data: '{}', key: undefined }, ttlMs)
}

function read(log: EventLog, topic: string, after = 0, limit = 1000) {
  return log.read([{ text: topic, tokens: topic.split('.'), hasWildcard: /[*>]/.test(topic) }], after, limit)
}

/** What a tail hears, as words. */
function listen(log: EventLog) {
  const heard: string[] = []
  const entries: LogEntry[] = []
  const listener: LogTailListener = {
    appended: (entry) => {
      entries.push(entry)
      heard.push(entry.data)
    },
    cancelled: (topic) => heard.push(`cancelled ${topic}`),
    restarted: ({ seq }) => heard.push(`restarted at ${seq}`),
    skipped: ({ seq }) => heard.push(`skipped to ${seq}`),
    abandoned: (topic) => heard.push(`abandoned ${topic}`),
  }
  return { heard, entries, stop: log.tail(listener) }
}

const deaf: LogTailListener = {
  appended: () => undefined,
  cancelled: () => undefined,
  restarted: () => undefined,
  skipped: () => undefined,
  abandoned: () => undefined,
}

describe.skipIf(server.skip)('redisLog keeps to the contract of logs', () => {
  const namespaceOf = new WeakMap<object, string>()
  const openIn = (namespace: string, maxEvents?: number): RedisLog => {
    const log = redisLog({ url: redis.url, namespace, maxEvents })
    namespaceOf.set(log, namespace)
    return log
  }

  it.each(
    eventLogContract({
      createLog: async ({ maxEvents }) => {
        const log = openIn(newNamespace(), maxEvents)
        // A tail hears of what is appended once the log has been reached.
        await log.ready()
        return log
      },
      openAgain: async (log) => {
        const other = openIn(namespaceOf.get(log) ?? '')
        await other.ready()
        return other
      },
    }),
  )('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

describe.skipIf(server.skip)('what is kept', () => {
  it('is found by another process, which comes later', async () => {
    const namespace = newNamespace()
    await append(open({ namespace }), 'a', '1')
    const page = await read(open({ namespace }), 'a')
    expect(page.entries.map(({ data }) => data)).toEqual(['1'])
  })

  it('is of its namespace alone', async () => {
    await append(open(), 'a', '1')
    expect((await read(open(), '>')).entries).toEqual([])
  })

  it('goes at maxAgeMs, by itself', async () => {
    const log = open({ maxAgeMs: 200 })
    const { seq } = await append(log, 'a', '1')
    expect((await read(log, 'a')).entries).toHaveLength(1)
    await vi.waitUntil(async () => (await read(log, 'a')).entries.length === 0, patience)
    expect((await read(log, 'a')).evictedUpTo).toBe(seq)
    expect((await read(log, 'b')).evictedUpTo).toBe(0)
  })

  it('is bounded, and so is what is remembered of what is gone', async () => {
    const namespace = newNamespace()
    const log = open({ namespace, maxEvents: 10 })
    const count = 12_000
    await Promise.all(Array.from({ length: count / 2 }, (_, n) => append(log, `t${n}`)))
    await Promise.all(Array.from({ length: count / 2 }, (_, n) => append(log, `u${n}`)))
    expect(await command('XLEN', `{${namespace}}:log`)).toBe(10)
    // And the guard, in each key.
    expect(await command('ZCARD', `{${namespace}}:index`)).toBe(10 + 1)
    expect(await command('ZCARD', `{${namespace}}:gone`)).toBe(10_010 + 1)
    // Of the first nothing is remembered any more but that something is gone; in doubt too much of it.
    expect((await read(log, 't0')).evictedUpTo).toBeGreaterThanOrEqual(1)
    expect((await read(log, 'u10')).evictedUpTo).toBe(count / 2 + 11)
    expect((await read(log, 'u10', count / 2 + 11)).evictedUpTo).toBeLessThanOrEqual(count / 2 + 11)
    const keys = await command<string[]>('KEYS', `{${namespace}}:*`)
    expect(new Set(keys.map((key) => key.split(':')[1]))).toEqual(
      new Set(['meta', 'log', 'index', 'gone', 'finite', 'ends', 'due', 'expired', 'writers', 'alive']),
    )
  })

  it('of a finite topic goes when its time is over, however much it is', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await append(log, 'other', 'stays')
    await Promise.all(Array.from({ length: 1500 }, (_, n) => append(log, 'answer', String(n))))
    await end(log, 'answer', 50)
    await vi.waitUntil(async () => (await command('XLEN', `{${namespace}}:log`)) === 1, patience)
    // And the guard, in each key.
    expect(await command('ZCARD', `{${namespace}}:index`)).toBe(1 + 1)
    expect((await log.status('answer')).state).toBe('expired')
    expect(await command('ZCARD', `{${namespace}}:due`)).toBe(0 + 1)
    expect(await command('HLEN', `{${namespace}}:ends`)).toBe(0 + 1)
  })

  it('comes in pages that are bounded in bytes', async () => {
    const log = open()
    const large = 'x'.repeat(600_000)
    for (let n = 0; n < 4; n += 1) await append(log, 'a', large)
    for (const topics of ['a', '*']) {
      const page = await read(log, topics)
      expect(page.entries.length).toBeLessThan(4)
      expect(page.more).toBe(true)
      const rest = await read(log, topics, page.entries.at(-1)?.position.seq)
      expect(page.entries.length + rest.entries.length).toBe(4)
    }
  })

  it('is looked for by a pattern in small steps, however large what it passes over is', async () => {
    const log = open({ syncIntervalMs: 60_000, leaseMs: 180_000 })
    for (let n = 0; n < 50; n += 1) await append(log, 'large', 'x'.repeat(400_000))
    await append(log, 'small.one', 'found')
    await command('CONFIG', 'RESETSTAT')
    const page = await read(log, 'small.*')
    expect(page.entries).toMatchObject([{ topic: 'small.one', data: 'found' }])
    const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(await command<string>('INFO', 'commandstats')) ?? []
    // 20 MB, of which one call reads little more than four: Redis does nothing else meanwhile.
    expect(Number(calls)).toBeGreaterThanOrEqual(4)
  })

  it('is found by a pattern that few of many events match', async () => {
    const log = open()
    await Promise.all(
      Array.from({ length: 5000 }, (_, n) =>
        append(log, n % 1000 === 999 ? `rare.${n}` : 'frequent', String(n)),
      ),
    )
    const page = await read(log, 'rare.*')
    expect(page.entries.map(({ data }) => data)).toEqual(['999', '1999', '2999', '3999', '4999'])
    expect(page.more).toBe(false)
  })
})

describe.skipIf(server.skip)('appending', () => {
  it('keeps the order of the calls, whatever their number', async () => {
    const log = open()
    const positions = await Promise.all(
      Array.from({ length: 2000 }, (_, n) => append(log, `t${n % 7}`, String(n))),
    )
    expect(positions.map(({ seq }) => seq)).toEqual(positions.map((_, n) => n + 1))
  })

  it('refuses in a batch only what is of an ended topic', async () => {
    const log = open()
    await end(log, 'over')
    const outcomes = await Promise.allSettled(['a', 'over', 'b'].map((topic) => append(log, topic)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'topic-ended' } })
  })

  it('refuses a topic that would break a message', async () => {
    for (const topic of ['a b', 'a\nb', 'a\0b']) {
      await expect(append(open(), topic)).rejects.toThrow(expect.objectContaining({ code: 'invalid-topic' }))
    }
  })

  it('keeps every text as it is', async () => {
    const log = open()
    const { entries } = listen(log)
    const event = { topic: 'täglich.😀', event: 'two\nlines', data: '\u2028"\\\ud800\0', key: 'k\n' }
    const position = await log.append(event)
    await vi.waitUntil(() => entries.length === 1, patience)
    expect(entries).toEqual([{ ...event, position }])
    expect((await read(log, event.topic)).entries).toEqual(entries)
  })

  it('takes no more than maxPendingEvents at once', async () => {
    const log = open({ maxPendingEvents: 5 })
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => append(log, 'a')))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    expect(outcomes.at(-1)).toMatchObject({
      reason: { name: 'LogUnavailableError', code: 'too-many-pending' },
    })
    await expect(append(log, 'a')).resolves.toHaveProperty('seq', 6)
  })

  it('says when Redis cannot be reached, in time, and that nothing has happened', async () => {
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

  it('says when it cannot know whether it has happened', async () => {
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

  it('is repeated when the connection broke before the answer, and stored once', async () => {
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

  it('is stored once, though a first attempt comes late out of some buffer', async () => {
    const client = createClient({ url: redis.url }) as RedisClient
    const calls: (() => Promise<unknown>)[] = []
    const recording: RedisClient = {
      get isOpen() {
        return client.isOpen
      },
      connect: () => client.connect(),
      evalSha: (...args) => {
        calls.push(() => client.evalSha(...args))
        return client.evalSha(...args)
      },
      eval: (...args) => client.eval(...args),
      sSubscribe: (...args) => client.sSubscribe(...args),
      sUnsubscribe: (...args) => client.sUnsubscribe(...args),
      on: (...args) => client.on(...args),
      off: (...args) => client.off(...args),
      destroy: () => client.destroy(),
    }
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

  it('is over after close', async () => {
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

describe.skipIf(server.skip)('what goes wrong with no caller to tell', () => {
  it('is reported once for each kind, until all is well, and not after close', async () => {
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const errors: unknown[] = []
    const log = open({ url: `redis://127.0.0.1:${proxy.port}`, onError: (error) => errors.push(error) })
    await log.ready()
    expect(errors).toEqual([])
    for (let outage = 1; outage <= 2; outage += 1) {
      const before = errors.length
      await proxy.refuse()
      proxy.cutAll('rst')
      await vi.waitUntil(() => errors.length > before, patience)
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect(errors.length - before).toBeLessThan(6)
      await proxy.accept()
      await vi.waitUntil(
        () =>
          append(log, 'a').then(
            () => true,
            () => false,
          ),
        patience,
      )
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    await proxy.refuse()
    proxy.cutAll('rst')
    const closed = log.close()
    const count = errors.length
    await closed
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(errors).toHaveLength(count)
  })

  it('a listener that throws does no harm', async () => {
    const consoleError = vi.spyOn(console, 'error').mockReturnValue()
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const log = open({
      url: `redis://127.0.0.1:${proxy.port}`,
      onError: () => {
        throw new Error('listener')
      },
    })
    await log.ready()
    proxy.cutAll('rst')
    await vi.waitUntil(() => consoleError.mock.calls.length > 0, patience)
    await expect(append(log, 'a')).resolves.toHaveProperty('seq', 1)
    expect(consoleError).toHaveBeenCalledWith(expect.objectContaining({ message: 'listener' }))
    consoleError.mockRestore()
  })
})

describe.skipIf(server.skip)('following', () => {
  /** A client whose messages come as the test says. */
  function relayingClient(relay: (message: string, pass: () => void) => void): RedisClient {
    const client = createClient({ url: redis.url }) as RedisClient
    return {
      get isOpen() {
        return client.isOpen
      },
      connect: () => client.connect(),
      evalSha: (...args) => client.evalSha(...args),
      eval: (...args) => client.eval(...args),
      sSubscribe: (channel, listener) =>
        client.sSubscribe(channel, (message) => relay(message, () => listener(message))),
      sUnsubscribe: (channel, listener) => client.sUnsubscribe(channel, listener),
      on: (...args) => client.on(...args),
      off: (...args) => client.off(...args),
      destroy: () => client.destroy(),
    }
  }

  it('notices a lost message by the next one', async () => {
    let count = 0
    let lost = 0
    const client = relayingClient((_message, pass) => {
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

  it('notices that the last message before a silence was lost, within two looks', async () => {
    let lost = 0
    const client = relayingClient(() => {
      lost += 1
    })
    let looks = 0
    const runtime: Runtime = {
      ...systemRuntime,
      setTimeout: (callback, delayMs) => {
        const isLook = delayMs >= 90 && delayMs <= 110
        return systemRuntime.setTimeout(() => {
          if (isLook) looks += 1
          callback()
        }, delayMs)
      },
    }
    const log = open({ redis: client, syncIntervalMs: 100, runtime })
    let looksWhenHeard: number | undefined
    log.tail({ ...deaf, appended: () => (looksWhenHeard = looks) })
    await append(log, 'a', '1')
    const looksBefore = looks
    await vi.waitUntil(() => looksWhenHeard !== undefined, patience)
    // One may have begun before the event was there.
    expect((looksWhenHeard ?? 0) - looksBefore).toBeLessThanOrEqual(2)
    expect(lost).toBeGreaterThan(0)
    client.destroy()
  })

  it('takes what comes twice, or late, once', async () => {
    const client = relayingClient((_message, pass) => {
      pass()
      setTimeout(pass, 5)
    })
    const log = open({ redis: client })
    const { heard } = listen(log)
    for (let n = 0; n < 20; n += 1) await append(log, 'a', String(n))
    await vi.waitUntil(() => heard.length === 20, patience)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(heard).toEqual(Array.from({ length: 20 }, (_, n) => String(n)))
    client.destroy()
  })

  it('goes on in another epoch when Redis was emptied, and hears what came since', async () => {
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

  it('a process that was asleep while the log lost its memory is told before it reads', async () => {
    const namespace = newNamespace()
    const client = relayingClient(() => undefined)
    const log = open({ redis: client, namespace, syncIntervalMs: 10_000, leaseMs: 30_000 })
    const { heard } = listen(log)
    await log.ready()
    await command('DEL', `{${namespace}}:meta`)
    await append(open({ namespace }), 'a', '1')
    const page = await read(log, 'a')
    expect(heard).toEqual(['restarted at 0', '1'])
    expect(page.entries).toHaveLength(1)
    client.destroy()
  })

  it('a log that is behind what a process has seen begins a new epoch, even where none is to be lost', async () => {
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

describe.skipIf(server.skip)('what every subscriber asks', () => {
  it('is asked once for all who come together, and never answered with what was before they came', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await append(log, 'a')
    await end(log, 'over')
    await command('CONFIG', 'RESETSTAT')
    const answers = await Promise.all(
      Array.from({ length: 1500 }, async (_, n) => {
        const { seq } = await log.head()
        return [seq, (await log.status(n % 2 === 0 ? 'over' : `open-${n}`)).state]
      }),
    )
    expect(new Set(answers.map(([seq]) => seq))).toEqual(new Set([2]))
    expect(answers.map(([, state]) => state)).toEqual(answers.map((_, n) => (n % 2 === 0 ? 'ended' : 'open')))
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await command('INFO', 'commandstats'))?.[1]
    expect(Number(calls)).toBeLessThan(30)
    for (let n = 3; n < 20; n += 1) {
      void log.head()
      const { seq } = await append(open({ namespace }), 'a')
      expect((await log.head()).seq).toBe(seq)
    }
  })
})

describe.skipIf(server.skip)('finite topics over processes', () => {
  it('stay what they are in a new epoch: nothing is run again because of a failover', async () => {
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
    // Its reader is told that something is gone, and comes to the end.
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

  it('are held by a process that lives', async () => {
    const namespace = newNamespace()
    const [log, other] = [open({ namespace }), open({ namespace })]
    const { heard } = listen(other)
    expect(await log.claim('answer')).toBe('open')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(heard).toEqual([])
    expect(await other.claim('answer')).toBe('running')
  })

  it('fall to one other process when theirs is gone, and to another when that is gone too', async () => {
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

  it('do not fall to a process in which nobody would hear of it', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await log.claim('answer')
    await log.close()
    const idle = open({ namespace })
    await idle.ready()
    await new Promise((resolve) => setTimeout(resolve, 600))
    const { heard } = listen(open({ namespace }))
    await vi.waitUntil(() => heard.length === 1, patience)
    expect(heard).toEqual(['abandoned answer'])
  })

  it('a process that was cut off for longer than its lease is told to stop what is another one’s now', async () => {
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

  it('are cancelled even when the message is lost', async () => {
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

describe.skipIf(server.skip)('time is Redis’', () => {
  it('a process whose clock jumps keeps its leases and its events', async () => {
    let jumpMs = 0
    const runtime = { ...systemRuntime, now: () => systemRuntime.now() + jumpMs, wallClock: () => 0 }
    const namespace = newNamespace()
    const log = open({ namespace, runtime, maxAgeMs: 60_000 })
    const other = open({ namespace, maxAgeMs: 60_000 })
    await other.ready()
    const { heard } = listen(other)
    await append(log, 'a', '1')
    await log.claim('answer')
    for (jumpMs of [3_600_000, -3_600_000, 0]) {
      await append(log, 'a', String(jumpMs))
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    expect(heard).toEqual(['1', '3600000', '-3600000', '0'])
    expect((await read(other, 'a')).entries).toHaveLength(4)
  })
})

describe.skipIf(server.skip)('a Redis that is not fit', () => {
  it('is refused when it evicts keys at will, until it does not', async () => {
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

  it('at maxmemory takes nothing, still gives what it has, and goes on when there is room', async () => {
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
})

describe.skipIf(server.skip)('clients', () => {
  it('of a single server lend their settings, and stay as they are', async () => {
    const client = createClient({ url: redis.url })
    const log = open({ redis: client })
    await append(log, 'a')
    await log.close()
    expect(client.isOpen).toBe(false)
  })

  it('two connections are made, and none is left', async () => {
    const connections = async (): Promise<number> =>
      (await command<string>('CLIENT', 'LIST', 'TYPE', 'normal')).split('\n').length +
      (await command<string>('CLIENT', 'LIST', 'TYPE', 'pubsub')).split('\n').length
    const before = await connections()
    const log = open()
    await append(log, 'a')
    await vi.waitUntil(async () => (await connections()) === before + 2, patience)
    await log.close()
    await vi.waitUntil(async () => (await connections()) === before, patience)
  })

  it('need no more permissions than the README names', async () => {
    const namespace = newNamespace()
    const commands = ['+@read', '+@write', '+@pubsub', '+@scripting', '+info', '+time', '+@connection']
    const scope = [`~{${namespace}}:*`, `&{${namespace}}:*`]
    await command('ACL', 'SETUSER', 'hub', 'on', '>secret', ...scope, ...commands)
    const log = open({ url: `redis://hub:secret@127.0.0.1:${redis.port}`, namespace, maxEvents: 2 })
    const { heard } = listen(log)
    await log.claim('answer')
    for (const data of ['1', '2', '3']) await append(log, 'answer', data)
    expect((await read(log, '>')).entries).toHaveLength(2)
    expect(await log.cancel('answer')).toBe('running')
    await end(log, 'answer', 1)
    await vi.waitUntil(async () => (await log.status('answer')).state === 'expired', patience)
    expect(heard).toEqual(['1', '2', '3', 'cancelled answer', '{}'])
    const elsewhere = open({ url: `redis://hub:secret@127.0.0.1:${redis.port}`, namespace: 'other' })
    await expect(append(elsewhere, 'a')).rejects.toThrow(expect.objectContaining({ code: 'log-unavailable' }))
  })

  it('of a single server lend their TLS', async () => {
    await using files = await makeCertificate()
    await using secure = await startRedis({
      protocol: 'tls',
      args: ['--tls-auth-clients', 'no', ...files.args],
    })
    const client = createClient({
      url: `rediss://localhost:${secure.port}`,
      socket: { tls: true, ca: files.certificate },
    })
    const log = open({ redis: client })
    const { heard } = listen(log)
    await append(log, 'a', '1')
    await vi.waitUntil(() => heard.length === 1, patience)
  })

  it('of a cluster: all that a hub has is in one slot', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes'] })
    const setUp = createClient({ url: node.url })
    await setUp.connect()
    await setUp.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
    await vi.waitUntil(
      async () => (await setUp.sendCommand<string>(['CLUSTER', 'INFO'])).includes('cluster_state:ok'),
      patience,
    )
    const cluster = createCluster({ rootNodes: [{ url: node.url }] })
    cluster.on('error', () => undefined)
    await cluster.connect()
    const namespace = newNamespace()
    const [log, other] = [
      open({ redis: cluster, namespace, maxEvents: 5 }),
      open({ redis: cluster, namespace }),
    ]
    await other.ready()
    const { heard } = listen(other)
    await log.claim('answer')
    for (let n = 0; n < 20; n += 1) await append(log, 'answer', String(n))
    await end(log, 'answer')
    await vi.waitUntil(() => heard.length === 21, patience)
    const keys = await setUp.sendCommand<string[]>(['KEYS', '*'])
    expect(keys.length).toBeGreaterThan(5)
    const slots = await Promise.all(keys.map((key) => setUp.sendCommand(['CLUSTER', 'KEYSLOT', key])))
    expect(new Set(slots).size).toBe(1)
    await Promise.all([log.close(), other.close()])
    cluster.destroy()
    setUp.destroy()
  })

  it('of a sentinel: the log follows it to the new master', async () => {
    await using master = await startRedis()
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    await using sentinel = await startSentinel(master.port)
    const client = createSentinel({
      name: 'mine',
      sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }],
      scanInterval: 100,
    })
    client.on('error', () => undefined)
    await client.connect()
    const log = open({ redis: client, commandTimeoutMs: 15_000 })
    const { heard } = listen(log)
    await append(log, 'a', '1')
    await vi.waitUntil(() => heard.length === 1, patience)
    await vi.waitUntil(async () => (await sentinel.ask('replicas', 'mine')).length > 0, patience)
    await master.kill()
    await vi.waitUntil(
      async () => {
        await append(log, 'a', '2').catch(() => undefined)
        return heard.includes('2')
      },
      { timeout: 18_000, interval: 100 },
    )
    expect(heard[1]).toMatch(/^restarted/)
    await log.close()
    await client.destroy()
    expect(replica.port).toBeGreaterThan(0)
  }, 40_000)
})

async function makeCertificate() {
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-tls-'))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const openssl = await startProcess({
    command: 'openssl',
    args: ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject],
  })
  expect(await openssl.exited).toMatchObject({ code: 0 })
  return {
    certificate: await readFile(certificate, 'utf8'),
    args: ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Watches the master under the name `mine`, and decides alone. */
async function startSentinel(masterPort: number) {
  if (server.skip) throw new Error(server.reason)
  const placeholder = await startRedis()
  const { port } = placeholder
  await placeholder[Symbol.asyncDispose]()
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor mine 127.0.0.1 ${masterPort} 1`,
      'sentinel down-after-milliseconds mine 500',
      'sentinel failover-timeout mine 3000',
    ].join('\n'),
  )
  const child = await startProcess({
    command: server.path,
    args: [file, '--sentinel'],
    ready: /\+monitor master mine/,
  })
  return {
    port,
    ask: async (...args: readonly string[]): Promise<readonly unknown[]> => {
      const client = createClient({ socket: { port } })
      await client.connect()
      try {
        return await client.sendCommand<unknown[]>(['SENTINEL', ...args])
      } finally {
        client.destroy()
      }
    },
    [Symbol.asyncDispose]: async () => {
      await child.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

describe('options that cannot work', () => {
  it.each<[string, RedisLogOptions]>([
    ['redis', {}],
    ['url', { url: 'not a url' }],
    ['url', { url: 'http://localhost' }],
    ['namespace', { url: 'redis://localhost', namespace: 'a{b}' }],
    ['namespace', { url: 'redis://localhost', namespace: '' }],
    ['maxEvents', { url: 'redis://localhost', maxEvents: 0 }],
    ['maxEvents', { url: 'redis://localhost', maxEvents: Infinity }],
    ['maxAgeMs', { url: 'redis://localhost', maxAgeMs: -1 }],
    ['commandTimeoutMs', { url: 'redis://localhost', commandTimeoutMs: 0 }],
    ['maxPendingEvents', { url: 'redis://localhost', maxPendingEvents: 1.5 }],
    ['syncIntervalMs', { url: 'redis://localhost', syncIntervalMs: 5 }],
    ['leaseMs', { url: 'redis://localhost', leaseMs: 2999 }],
    ['failover', { url: 'redis://localhost', failover: 'never' as 'lossy' }],
    ['onError', { url: 'redis://localhost', onError: 'x' as unknown as () => void }],
  ])('%s: %j', (option, options) => {
    expect(() => redisLog(options)).toThrow(expect.objectContaining({ code: 'invalid-option', option }))
  })

  it('do not show a password', () => {
    expect(() => redisLog({ url: 'redis://me:secret@local host' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})
