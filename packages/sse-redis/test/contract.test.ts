import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisLog, RedisLogOptions } from '@sse-toolkit/sse-redis'
import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
import { describe, expect, it } from 'vitest'
import { server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { newNamespace } = redis

describe.skipIf(server.skip)('redisLog', () => {
  const namespaceOf = new WeakMap<object, string>()
  const openIn = (namespace: string, limits?: RedisLogOptions): RedisLog => {
    const log = redisLog({ url: redis.url, namespace, ...limits })
    namespaceOf.set(log, namespace)
    return log
  }

  it.each(
    eventLogContract({
      createLog: async (limits) => {
        const log = openIn(newNamespace(), limits)
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
  )('follows the contract of logs: $name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})
