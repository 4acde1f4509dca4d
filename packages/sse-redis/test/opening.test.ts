import { patience, startRedis } from '@sse-toolkit/test-support'
import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisClient, RedisLog } from '@sse-toolkit/sse-redis'
import { describe, expect, it, vi } from 'vitest'
import { append, commandAt, observeRuntime, listen, read, server, useRedis } from './redis-fixture.ts'
import { startStepProxy } from './step-proxy.ts'
import type { Step } from './step-proxy.ts'

const steps: readonly Step[] = ['connect', 'HELLO', 'SSUBSCRIBE', 'EVALSHA']
const faults = steps.flatMap((step) => [
  { step, fault: 'cut' as const },
  { step, fault: 'swallow' as const },
])
const unavailable = { name: 'LogUnavailableError', code: 'log-unavailable' }

describe.skipIf(server.skip)('opening a log', () => {
  const redis = useRedis()

  describe.each(faults)('whose connections fail by a $fault at $step', ({ step, fault }) => {
    it('rejects with log-unavailable until it recovers by itself', async () => {
      await using proxy = await startStepProxy({ port: redis.port, step, fault })
      const namespace = redis.newNamespace()
      const log = redis.open({ url: proxy.url, namespace, commandTimeoutMs: 200 })
      const { heard } = listen(log)
      const asked = [log.ready(), append(log, 'a', 'lost'), read(log, 'a'), log.head(), log.claim('b')]
      for (const outcome of await Promise.allSettled(asked))
        expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable })
      await vi.waitUntil(() => proxy.struck > 0, patience)
      // Of the attempts that failed no socket is left.
      await vi.waitUntil(() => proxy.connections <= 2, patience)
      proxy.heal()
      // No test code calls the log. Another process appends until this log's tail is notified.
      const other = redis.open({ namespace })
      await vi.waitUntil(async () => {
        await append(other, 'a', 'heard')
        return heard.length > 0
      }, patience)
      expect(new Set(heard)).toEqual(new Set(['heard']))
    })

    it('catches up on missed events when the same happens later', async () => {
      await using proxy = await startStepProxy({ port: redis.port, step, fault })
      proxy.heal()
      const namespace = redis.newNamespace()
      const log = redis.open({ url: proxy.url, namespace, commandTimeoutMs: 1000 })
      const other = redis.open({ namespace })
      await vi.waitFor(() => log.ready(), patience)
      const { heard } = listen(log)
      await append(other, 'a', 'before')
      await vi.waitUntil(() => heard.length === 1, patience)
      proxy.harm()
      await vi.waitUntil(() => proxy.struck > 0, patience)
      await append(other, 'a', 'missed')
      proxy.heal()
      await vi.waitUntil(() => heard.length === 2, patience)
      expect(heard).toEqual(['before', 'missed'])
      await vi.waitFor(() => append(log, 'a', 'after'), patience)
    })

    it('closes at once, and leaves no socket or timer', async () => {
      await using proxy = await startStepProxy({ port: redis.port, step, fault })
      const { runtime, pending } = observeRuntime()
      const log = redisLog({ url: proxy.url, runtime, commandTimeoutMs: 60_000, onError: () => undefined })
      const asked = Promise.allSettled([log.ready(), append(log, 'a'), read(log, 'a'), log.head()])
      await vi.waitUntil(() => proxy.struck > 0, patience)
      const closingAt = performance.now()
      await log.close()
      expect(performance.now() - closingAt).toBeLessThan(5000)
      for (const outcome of await asked) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'hub-closed' } })
      }
      expect(pending()).toBe(0)
      await vi.waitUntil(() => proxy.connections === 0, patience)
    })
  })

  it('recovers when Redis is killed within 60 ms of its creation', async () => {
    await using own = await startRedis()
    const logs: RedisLog[] = []
    for (let n = 0; n < 40; n += 1) {
      logs.push(redis.open({ url: own.url, namespace: `log-${n}`, commandTimeoutMs: 1000 }))
      await new Promise((resolve) => setTimeout(resolve, 1.5))
    }
    await own.kill()
    await own.start()
    const heard = logs.map((log) => listen(log).heard)
    await vi.waitUntil(async () => {
      const writers = logs.map((_, n) => redis.open({ url: own.url, namespace: `log-${n}` }))
      await Promise.all(writers.map((log) => append(log, 'a', '1')))
      await Promise.all(writers.map((log) => log.close()))
      return heard.every((each) => each.includes('1'))
    }, patience)
  })

  it('waits for permission to subscribe, and to run scripts', async () => {
    for (const missing of ['channel', 'scripts'] as const) {
      const [namespace, user] = [redis.newNamespace(), `user-${missing}`]
      const granted = ['on', '>secret', '~*', '&*', '+@all']
      const withheld = missing === 'channel' ? ['resetchannels'] : ['-@scripting']
      await redis.command('ACL', 'SETUSER', user, ...granted, ...withheld)
      const url = `redis://${user}:secret@127.0.0.1:${redis.port}`
      const errors: unknown[] = []
      const log = redis.open({
        url,
        namespace,
        commandTimeoutMs: 200,
        onError: (error) => errors.push(error),
      })
      const { heard } = listen(log)
      await expect(log.ready()).rejects.toMatchObject(unavailable)
      const refusals = (): number => errors.filter((error) => String(error).includes('NOPERM')).length
      await vi.waitUntil(() => refusals() > 0, patience)
      expect(refusals()).toBe(1)
      await redis.command('ACL', 'SETUSER', user, ...granted)
      await vi.waitUntil(async () => {
        await append(redis.open({ namespace }), 'a', '1')
        return heard.length > 0
      }, patience)
    }
  })

  it('waits until the password is right', async () => {
    await redis.command('ACL', 'SETUSER', 'late', 'on', '>another', '~*', '&*', '+@all')
    const url = `redis://late:secret@127.0.0.1:${redis.port}`
    const log = redis.open({ url, commandTimeoutMs: 200 })
    await expect(log.ready()).rejects.toMatchObject(unavailable)
    await redis.command('ACL', 'SETUSER', 'late', '>secret')
    await vi.waitFor(() => log.ready(), patience)
  })

  it('waits for a cluster node that is down', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes'] })
    const log = redis.open({ url: node.url, namespace: 'cluster', commandTimeoutMs: 200 })
    const { heard } = listen(log)
    await expect(log.ready()).rejects.toMatchObject(unavailable)
    await commandAt(node.url, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await vi.waitFor(() => log.ready(), patience)
    await vi.waitFor(() => append(log, 'a', '1'), patience)
    await vi.waitUntil(() => heard.length > 0, patience)
  })

  it('subscribes again when Redis ends the subscription', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes'] })
    const { url } = node
    await commandAt(url, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    const slot = await commandAt<number>(url, 'CLUSTER', 'KEYSLOT', '{cluster}:events')
    const log = redis.open({ url, namespace: 'cluster', commandTimeoutMs: 200 })
    await vi.waitFor(() => log.ready(), patience)
    const { heard } = listen(log)
    // When Redis gives a slot away, it ends the subscriptions of that slot.
    await commandAt(url, 'CLUSTER', 'DELSLOTS', String(slot))
    await commandAt(url, 'CLUSTER', 'ADDSLOTS', String(slot))
    await vi.waitUntil(async () => {
      await append(log, 'a', '1').catch(() => undefined)
      return heard.length > 0
    }, patience)
  })

  describe('with a client that the user passes', () => {
    /** A client that is the user's, of no Redis at all. */
    function createFake(overrides: Partial<RedisClient>): RedisClient {
      return {
        isOpen: true,
        connect: () => Promise.resolve(),
        evalSha: () => new Promise(() => undefined),
        eval: () => new Promise(() => undefined),
        sSubscribe: () => Promise.resolve(),
        sUnsubscribe: () => Promise.resolve(),
        on: () => undefined,
        off: () => undefined,
        destroy: () => undefined,
        ...overrides,
      }
    }

    it('reports a Redis that is too old for sharded channels', async () => {
      const client = createFake({
        evalSha: () => Promise.resolve(['6.2.14', '0', 'noeviction']),
        sSubscribe: () => Promise.reject(new Error("ERR unknown command 'SSUBSCRIBE'")),
      })
      const log = redis.open({ redis: client })
      await expect(log.ready()).rejects.toThrow(expect.objectContaining({ code: 'old-redis' }))
    })

    it.each(['connect', 'sSubscribe', 'evalSha'] as const)(
      'gives up a %s that is never answered, and tries it again',
      async (step) => {
        let calls = 0
        const errors: unknown[] = []
        const client = createFake({
          isOpen: step !== 'connect',
          // What the server is, or the head of a log with nothing to sweep.
          evalSha: (_sha1, { arguments: args }) =>
            Promise.resolve(args.length === 0 ? ['7.0.15', '0', 'noeviction'] : ['epoch', '0', '0', '']),
          [step]: () => {
            calls += 1
            return new Promise(() => undefined)
          },
        })
        const onError = (error: unknown): void => void errors.push(error)
        const log = redis.open({ redis: client, commandTimeoutMs: 50, onError })
        await vi.waitUntil(() => calls >= 3, patience)
        expect(errors[0]).toMatchObject(unavailable)
        await log.close()
        const callsAtClose = calls
        await expect(log.ready()).rejects.toThrow(expect.objectContaining({ code: 'hub-closed' }))
        expect(calls).toBe(callsAtClose)
      },
    )

    it('cancels a subscription that is answered after close', async () => {
      const subscribed = Promise.withResolvers<void>()
      let unsubscribed = 0
      let isAsked = false
      const client = createFake({
        sSubscribe: () => {
          isAsked = true
          return subscribed.promise
        },
        sUnsubscribe: () => {
          unsubscribed += 1
          return Promise.resolve()
        },
      })
      const log = redis.open({ redis: client })
      await vi.waitUntil(() => isAsked, patience)
      await log.close()
      subscribed.resolve()
      expect(unsubscribed).toBe(1)
    })
  })
})
