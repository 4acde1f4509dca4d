import { createClient } from '@redis/client'
import { OptionError } from '@sse-toolkit/sse-server'
import { BorrowedConnections } from './borrowed-connections.ts'
import type { Connections, ConnectionsOptions } from './connections.ts'
import { OwnConnections } from './own-connections.ts'
import type { SingleClient } from './own-connections.ts'
import type { RedisClient } from './redis-client.ts'

/** @throws {@link OptionError} */
export function createConnections(options: ConnectionsOptions): Connections {
  const { redis, url } = options
  if (redis === undefined) {
    if (url === undefined) throw new OptionError('redis', redis, 'a client, or url in its place')
    return new OwnConnections(options, clientOf(url))
  }
  if (url !== undefined) throw new OptionError('url', '(not shown)', 'either url or redis, not both')
  checkClient(redis)
  return isSingle(redis) ? new OwnConnections(options, redis) : new BorrowedConnections(redis, options)
}

/**
 * By its shape, since `@redis/client` may be installed twice. The clients of other libraries lack some of it, and would fail
 * only when the log first asks Redis.
 */
function checkClient(redis: RedisClient): void {
  const needed = ['connect', 'eval', 'evalSha', 'sSubscribe', 'sUnsubscribe', 'on', 'off', 'destroy'] as const
  if (
    typeof redis === 'object' &&
    redis !== null &&
    needed.every((name) => typeof redis[name] === 'function')
  )
    return
  const isOther = typeof redis === 'object' && redis !== null && 'ssubscribe' in redis
  const hint = isOther ? ' (this one is ioredis: give its address as url)' : ''
  throw new OptionError(
    'redis',
    '(not shown)',
    `a client of @redis/client or redis, as createClient() returns it${hint}`,
  )
}

/** The clients of clusters and sentinels have no subscriber state of their own. */
function isSingle(redis: RedisClient): redis is SingleClient {
  return 'isPubSubActive' in redis && 'duplicate' in redis
}

function clientOf(url: string): SingleClient {
  try {
    return createClient({ url })
  } catch {
    // The value may hold a password.
    const expected = 'redis://[user:password@]host[:port][/database], or rediss://'
    throw new OptionError('url', '(not shown)', expected)
  }
}
