/**
 * A Redis that cannot keep what a log promises.
 *
 * - `evicting-redis`: its `maxmemory-policy` lets keys go at will, the log's among them. Nobody would be told.
 * - `old-redis`: older than 7.0, it has no sharded channels.
 */
export class RedisUnfitError extends Error {
  override readonly name = 'RedisUnfitError'
  readonly code: 'evicting-redis' | 'old-redis'

  constructor(code: RedisUnfitError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}
