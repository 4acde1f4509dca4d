import { RedisUnfitError } from './errors/redis-unfit-error.ts'

/**
 * @param reply - of the script: version, maxmemory, policy. The log's keys have no time to live, so the `volatile-`
 *   policies leave them alone.
 */
export function findMisfit(reply: readonly string[]): RedisUnfitError | undefined {
  const [version = '', maxmemory = '0', policy = ''] = reply
  if (Number.parseInt(version, 10) < 7) {
    return new RedisUnfitError('old-redis', `Redis must be 7.0 or newer, not ${version}`)
  }
  if (maxmemory !== '0' && policy.startsWith('allkeys-')) {
    return new RedisUnfitError(
      'evicting-redis',
      `Redis' maxmemory-policy must be 'noeviction' or a 'volatile-' one, not '${policy}': it would let the log go`,
    )
  }
  return undefined
}
