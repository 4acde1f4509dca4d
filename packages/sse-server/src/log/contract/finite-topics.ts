import { append, endingOf, equal, numbers, read, readAll, settled, until, withLogOf } from './harness.ts'
import type { ContractCase, ContractOptions } from './harness.ts'

/** Topics that come to an end. */
export function finiteTopicCases(options: ContractOptions): readonly ContractCase[] {
  const withLog = withLogOf(options)
  return [
    {
      name: 'a topic is claimed once, ended once, and takes nothing after its end',
      run: withLog(async (log) => {
        const ending = endingOf('a')
        equal(await log.status('a'), { state: 'open' }, 'status before')
        const claims = await Promise.all(numbers(10).map(() => log.claim('a')))
        equal(claims.toSorted(), ['open', ...numbers(9).map(() => 'running')], 'what ten claims found')
        await append(log, 'a', 'x')
        const ends = await Promise.all(numbers(3).map(() => log.end(ending, 60_000)))
        const end = ends.find((position) => position !== undefined)
        equal(ends.filter((position) => position === undefined).length, 2, 'ends that came too late')
        equal(await log.status('a'), { state: 'ended', endSeq: end?.seq }, 'status after')
        equal(await log.claim('a'), 'ended', 'a claim after the end')
        equal(await settled(append(log, 'a', 'y')), 'rejected', 'an append after the end')
        equal(
          (await readAll(log, ['a'])).map((entry) => entry.event ?? entry.data),
          ['x', endingOf('a').event],
          'what is held',
        )
        await log.end(endingOf('b'), 60_000)
        equal((await log.status('b')).state, 'ended', 'a topic that was ended unclaimed')
      }),
    },
    {
      name: 'the last event of an ended topic can be read, whatever else is evicted',
      run: withLog(async (log) => {
        const last = await append(log, 'a', 'x')
        const end = await log.end(endingOf('a'), 60_000)
        for (const n of numbers(1000)) await append(log, 'b', String(n))
        const page = await read(log, ['a'])
        equal(
          page.entries.map((entry) => [entry.event, entry.position.seq]),
          [[endingOf('a').event, end?.seq]],
          'what is held',
        )
        equal(page.more, false, 'more')
        equal((await read(log, ['a'], end?.seq)).entries, [], 'after the end')
        const rest = await read(log, ['a'], last.seq)
        equal(rest.evictedUpTo <= last.seq, true, 'nothing gone for a reader that lacks only the end')
      }, 10),
    },
    {
      name: 'an ended topic expires, its events go, and it is not open again',
      run: withLog(async (log) => {
        await log.claim('a')
        const position = await append(log, 'a', 'x')
        await log.end(endingOf('a'), 1)
        await until(async () => (await log.status('a')).state === 'expired', 'the topic to expire')
        equal(await log.claim('a'), 'expired', 'a claim')
        equal(await settled(append(log, 'a', 'y')), 'rejected', 'an append')
        const page = await read(log, ['a'])
        equal(page.entries, [], 'what is held')
        equal(page.evictedUpTo >= position.seq, true, 'evictedUpTo covers what is gone')
      }),
    },
  ]
}
