/**
 * Redis was reached, and cannot keep what a log promises.
 *
 * - `evicting-redis`: it has a limit, and a `maxmemory-policy` that may evict the log's keys.
 * - `old-redis`: it is older than 7.0, and has no sharded channels.
 * - `other-version`: the keys of this namespace were written by a release that keeps a log differently. Nothing was read or
 *   written. Give one of the two another namespace; or stop every process of the other release and delete its keys.
 */
export class IncompatibleRedisError extends Error {
  override readonly name = 'IncompatibleRedisError'
  readonly code: 'evicting-redis' | 'old-redis' | 'other-version'

  constructor(code: IncompatibleRedisError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}
