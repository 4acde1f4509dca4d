import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisLogOptions } from '@sse-toolkit/sse-redis'
import { describe, expect, it } from 'vitest'

describe('options of redisLog', () => {
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
  ])('%s is refused as in %j', (option, options) => {
    expect(() => redisLog(options)).toThrow(expect.objectContaining({ code: 'invalid-option', option }))
  })

  it.each<[string, unknown, RegExp]>([
    ['null', null, /as createClient\(\) returns it, got/],
    ['a string', 'redis://localhost', /as createClient\(\) returns it, got/],
    ['an empty object', {}, /as createClient\(\) returns it, got/],
    ['ioredis', ioredisLike(), /this one is ioredis: give its address as url/],
  ])('redis: %s is not a client that it knows', (_name, redis, message) => {
    expect(() => redisLog({ redis: redis as RedisLogOptions['redis'] })).toThrow(
      expect.objectContaining({ option: 'redis', message: expect.stringMatching(message) }),
    )
  })

  it('the error for a bad url does not show its password', () => {
    expect(() => redisLog({ url: 'redis://me:secret@local host' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})

/** The methods that ioredis has in place of those that are needed. */
function ioredisLike(): object {
  const method = (): Promise<void> => Promise.resolve()
  return {
    status: 'ready',
    connect: method,
    eval: method,
    evalsha: method,
    ssubscribe: method,
    on: method,
    off: method,
    disconnect: method,
    options: { password: 'secret' },
  }
}
