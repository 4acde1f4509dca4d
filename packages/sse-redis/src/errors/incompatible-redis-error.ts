/**
 * Redis was reached, and cannot keep what a log promises.
 *
 * - `evicting-redis`: it has a limit, and a `maxmemory-policy` that may evict the log's keys.
 * - `old-redis`: it is older than 7.0, and has no sharded channels.
 */
export class IncompatibleRedisError extends Error {
  override readonly name = 'IncompatibleRedisError'
  readonly code: 'evicting-redis' | 'old-redis'

  constructor(code: IncompatibleRedisError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}
