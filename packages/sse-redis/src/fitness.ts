import { RedisUnfitError } from './errors/redis-unfit-error.ts'

/**
 * @param reply - of the script: version, maxmemory, policy. The log's keys have no time to live, so the `volatile-`
 *   policies leave them alone.
 * @throws {@link RedisUnfitError}
 */
export function checkFitness(reply: unknown): void {
  const [version = '', maxmemory = '0', policy = ''] = reply as readonly string[]
  if (Number.parseInt(version, 10) < 7) {
    throw new RedisUnfitError('old-redis', `Redis must be 7.0 or newer, not ${version}`)
  }
  if (maxmemory !== '0' && policy.startsWith('allkeys-')) {
    throw new RedisUnfitError(
      'evicting-redis',
      `Redis' maxmemory-policy must be 'noeviction' or a 'volatile-' one, not '${policy}': it would let the log go`,
    )
  }
}
