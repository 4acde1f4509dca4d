import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisLog } from '@sse-toolkit/sse-redis'
import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
import { describe, expect, it } from 'vitest'
import { server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { newNamespace } = redis

describe.skipIf(server.skip)('redisLog', () => {
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
        // A tail is notified of what is appended once the log has been reached.
        await log.ready()
        return log
      },
      openAgain: async (log) => {
        const other = openIn(namespaceOf.get(log) ?? '')
        await other.ready()
        return other
      },
    }),
  )('keeps to the contract of logs: $name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})
