import type { Position } from '../../wire-contract/event-id.ts'
import { append, equal, numbers, read, withLogOf } from './harness.ts'
import type { ContractCase, ContractOptions } from './harness.ts'

/** What a read returns, and what it says about the rest. */
export function readingCases(options: ContractOptions): readonly ContractCase[] {
  const withLog = withLogOf(options)
  return [
    {
      name: 'read gives back what was appended, whole and in order',
      run: withLog(async (log) => {
        const event = { topic: 'a.b', event: 'paid', data: '{"x":"é😀\\n"}\nsecond line', key: 'k' }
        const first = await log.append(event)
        const second = await log.append({ topic: 'a.b', event: undefined, data: '', key: undefined })
        const { entries } = await read(log, ['a.b'])
        equal(
          entries,
          [
            { ...event, position: first },
            { topic: 'a.b', event: undefined, data: '', key: undefined, position: second },
          ],
          'entries',
        )
      }),
    },
    {
      name: 'read keeps to the topics, by name and by pattern, each event once',
      run: withLog(async (log) => {
        for (const topic of ['a', 'a.b', 'a.b.c', 'a.c', 'b', 'ab']) await append(log, topic, topic)
        for (const [patterns, topics] of [
          [['a'], ['a']],
          [
            ['a.b', 'b'],
            ['a.b', 'b'],
          ],
          [['a.*'], ['a.b', 'a.c']],
          [['a.>'], ['a.b', 'a.b.c', 'a.c']],
          [['*'], ['a', 'b', 'ab']],
          [['*.b.*'], ['a.b.c']],
          [['>'], ['a', 'a.b', 'a.b.c', 'a.c', 'b', 'ab']],
          [
            ['a.*', 'a.b', 'a.>', 'a.b'],
            ['a.b', 'a.b.c', 'a.c'],
          ],
          [['c'], []],
          [['c.*', 'c.>'], []],
        ] as const) {
          const { entries, more } = await read(log, patterns)
          equal(
            entries.map((entry) => entry.data),
            [...topics],
            `topics of ${patterns.join(' ')}`,
          )
          equal(more, false, 'more')
        }
      }),
    },
    {
      name: 'read begins after the position, and says whether there is more than the limit',
      run: withLog(async (log) => {
        const positions: Position[] = []
        for (const n of numbers(10))
          positions.push(await append(log, n % 2 === 0 ? 'even' : 'odd', String(n)))
        const after = positions[3]?.seq ?? 0
        for (const patterns of [['even', 'odd'], ['>']]) {
          const page = await read(log, patterns, after, 4)
          equal(
            page.entries.map((entry) => entry.data),
            ['4', '5', '6', '7'],
            'page',
          )
          equal(page.more, true, 'more')
          const rest = await read(log, patterns, page.entries.at(-1)?.position.seq, 4)
          equal(
            rest.entries.map((entry) => entry.data),
            ['8', '9'],
            'rest',
          )
          equal(rest.more, false, 'more after the rest')
        }
        equal((await read(log, ['even'], after, 3)).more, false, 'more, of a topic that has just as many')
        equal((await read(log, ['>'], (await log.head()).seq)).entries, [], 'after the head')
      }),
    },
    {
      name: 'beyond the limit the oldest events go, and a reader from before them learns of it',
      run: withLog(async (log) => {
        const positions: Position[] = []
        for (const n of numbers(20)) positions.push(await append(log, 'a', String(n)))
        for (const patterns of [['a'], ['*']]) {
          const page = await read(log, patterns)
          const kept = page.entries.map((entry) => Number(entry.data))
          equal(kept.length >= 10 && kept.length < 20, true, 'events that are kept')
          equal(kept.at(-1), 19, 'the newest')
          const newestGone = positions[(kept[0] ?? 0) - 1]?.seq ?? -1
          equal(page.evictedUpTo >= newestGone, true, 'evictedUpTo covers what is gone')
          equal(
            page.evictedUpTo < (page.entries[0]?.position.seq ?? 0),
            true,
            'evictedUpTo leaves out what is not',
          )
          equal(
            (await read(log, patterns, newestGone)).evictedUpTo <= newestGone,
            true,
            'nothing gone after what is gone',
          )
        }
      }, 10),
    },
    {
      name: 'that a topic lost events is remembered when none of it is left',
      run: withLog(async (log) => {
        const gone = await append(log, 'rare', 'x')
        await Promise.all(numbers(1000).map((n) => append(log, 'frequent', String(n))))
        for (const patterns of [['rare'], ['*']]) {
          const page = await read(log, patterns)
          equal(page.evictedUpTo >= gone.seq, true, `evictedUpTo of ${patterns.join(' ')}`)
        }
        await append(log, 'rare', 'y')
        equal((await read(log, ['rare'])).evictedUpTo >= gone.seq, true, 'evictedUpTo after a new event')
        equal(
          (await read(log, ['rare'], gone.seq)).entries.map((entry) => entry.data),
          ['y'],
          'what follows',
        )
      }, 10),
    },
    {
      name: 'a page has a quarter of a megabyte of data at most, or one event that is larger',
      run: withLog(async (log) => {
        for (const topic of ['a', 'a', 'a', 'b.large', 'a']) {
          const data = (topic === 'a' ? 'x' : 'y').repeat(topic === 'a' ? 150_000 : 500_000)
          await append(log, topic, data)
        }
        for (const patterns of [['a', 'b.large'], ['>']]) {
          const lengths: number[][] = []
          for (let after = 0, more = true; more;) {
            const page = await read(log, patterns, after)
            lengths.push(page.entries.map(({ data }) => data.length))
            more = page.more
            after = page.entries.at(-1)?.position.seq ?? after
          }
          equal(lengths, [[150_000], [150_000], [150_000], [500_000], [150_000]], 'lengths, page by page')
        }
      }),
    },
    {
      name: 'a topic has the position of its newest event, which only rises',
      run: withLog(async (log) => {
        equal((await log.status('rare')).lastSeq, 0, 'lastSeq before')
        const { seq } = await append(log, 'rare', 'x')
        equal((await log.status('rare')).lastSeq, seq, 'lastSeq after an event')
        await Promise.all(numbers(1000).map((n) => append(log, 'frequent', String(n))))
        equal((await log.status('rare')).lastSeq >= seq, true, 'lastSeq when the event is gone')
        const next = await append(log, 'rare', 'y')
        equal((await log.status('rare')).lastSeq, next.seq, 'lastSeq after a new event')
        equal((await log.status('never')).lastSeq <= next.seq, true, 'lastSeq of another')
      }, 10),
    },
  ]
}
