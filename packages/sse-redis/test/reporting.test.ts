import { startFaultProxy } from '@sse-toolkit/testing/node'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { append, listen, observeRuntime, server, useRedis } from './redis-fixture.ts'
import { startStepProxy } from './step-proxy.ts'

const redis = useRedis()
const { open } = redis

describe.skipIf(server.skip)('onError', () => {
  it('each kind of failure is reported once until the log recovers, and none after close', async () => {
    await using proxy = await startStepProxy({ port: redis.port, step: 'connect', fault: 'cut' })
    proxy.heal()
    const { runtime, pending, rounds } = observeRuntime(100)
    const errors: unknown[] = []
    const log = open({
      url: proxy.url,
      runtime,
      syncIntervalMs: 100,
      onError: (error) => errors.push(error),
    })
    await log.ready()
    expect(errors).toEqual([])
    for (let outage = 1; outage <= 2; outage += 1) {
      const [errorsBefore, attemptsBefore] = [errors.length, proxy.struck]
      proxy.harm()
      await vi.waitUntil(() => proxy.struck >= attemptsBefore + 10, patience)
      expect(errors.length - errorsBefore).toBeGreaterThan(0)
      expect(errors.length - errorsBefore).toBeLessThan(6)
      proxy.heal()
      const { heard, stop } = listen(log)
      await vi.waitFor(() => append(log, 'a', `after ${outage}`), patience)
      await vi.waitUntil(() => heard.includes(`after ${outage}`), patience)
      stop()
      // Both connections are open again, and a round has found it so.
      const roundsBefore = rounds()
      await vi.waitUntil(() => rounds() >= roundsBefore + 2, patience)
    }
    proxy.harm()
    const closed = log.close()
    const count = errors.length
    await closed
    // Nothing is left that could report.
    expect(pending()).toBe(0)
    await vi.waitUntil(() => proxy.connections === 0, patience)
    expect(errors).toHaveLength(count)
  })

  it.each<[string, () => void]>([
    [
      'throws',
      () => {
        throw new Error('listener')
      },
    ],
    ['rejects', (): Promise<never> => Promise.reject(new Error('listener'))],
  ])('an onError that %s is reported to the console, and the log goes on', async (_how, onError) => {
    const consoleError = vi.spyOn(console, 'error').mockReturnValue()
    await using proxy = await startFaultProxy({ target: { port: redis.port } })
    const log = open({
      url: `redis://127.0.0.1:${proxy.port}`,
      onError,
    })
    await log.ready()
    proxy.cutAll('rst')
    await vi.waitUntil(() => consoleError.mock.calls.length > 0, patience)
    await expect(append(log, 'a')).resolves.toHaveProperty('seq', 1)
    expect(consoleError).toHaveBeenCalledWith(expect.objectContaining({ message: 'listener' }))
    consoleError.mockRestore()
  })
})
