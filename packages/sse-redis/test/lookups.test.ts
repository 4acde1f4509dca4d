import { describe, expect, it } from 'vitest'
import { append, end, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis

describe.skipIf(server.skip)('lookups', () => {
  it('overlapping lookups share a call, and no lookup gets an answer from before it was made', async () => {
    const namespace = newNamespace()
    const log = open({ namespace })
    await append(log, 'a')
    await end(log, 'over')
    await command('CONFIG', 'RESETSTAT')
    const answers = await Promise.all(
      Array.from({ length: 1500 }, async (_, n) => {
        const { seq } = await log.head()
        return [seq, (await log.status(n % 2 === 0 ? 'over' : `open-${n}`)).state]
      }),
    )
    expect(new Set(answers.map(([seq]) => seq))).toEqual(new Set([2]))
    expect(answers.map(([, state]) => state)).toEqual(answers.map((_, n) => (n % 2 === 0 ? 'ended' : 'open')))
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await command('INFO', 'commandstats'))?.[1]
    expect(Number(calls)).toBeLessThan(30)
    for (let n = 3; n < 20; n += 1) {
      void log.head()
      const { seq } = await append(open({ namespace }), 'a')
      expect((await log.head()).seq).toBe(seq)
    }
  })
})
