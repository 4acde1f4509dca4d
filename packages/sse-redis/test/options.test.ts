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

  it('the error for a bad url does not show its password', () => {
    expect(() => redisLog({ url: 'redis://me:secret@local host' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})
