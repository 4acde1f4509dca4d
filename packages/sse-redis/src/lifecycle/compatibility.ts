import { IncompatibleRedisError } from '../errors/incompatible-redis-error.ts'

/**
 * Why the log cannot be kept on this Redis; undefined if it can.
 *
 * The keys of a log have no time to live, so the `volatile-` policies leave them alone.
 *
 * @param inspection - What the script answers: version, maxmemory, policy.
 */
export function findIncompatibility(inspection: readonly string[]): IncompatibleRedisError | undefined {
  const [version = '', maxmemory = '0', policy = ''] = inspection
  if (Number.parseInt(version, 10) < 7) {
    return new IncompatibleRedisError('old-redis', `The log needs Redis 7.0 or newer, got ${version}.`)
  }
  if (maxmemory !== '0' && policy.startsWith('allkeys-')) {
    return new IncompatibleRedisError(
      'evicting-redis',
      `maxmemory-policy: expected 'noeviction' or a 'volatile-' policy, got '${policy}', which would evict the log's keys.`,
    )
  }
  return undefined
}
