import type { LogPage } from '../event-log.ts'
import {
  append,
  endingOf,
  equal,
  errorOf,
  numbers,
  read,
  readAll,
  settled,
  until,
  withLogOf,
} from './harness.ts'
import type { ContractCase, ContractOptions } from './harness.ts'

/** Topics that come to an end. */
export function finiteTopicCases(options: ContractOptions): readonly ContractCase[] {
  const withLog = withLogOf(options)
  const { openAgain } = options
  return [
    {
      name: 'a topic is claimed once, ended once, and takes nothing after its end',
      run: withLog(async (log) => {
        const ending = endingOf('a')
        equal((await log.status('a')).state, 'open', 'status before')
        const claims = await Promise.all(numbers(10).map(() => log.claim('a')))
        equal(claims.toSorted(), ['open', ...numbers(9).map(() => 'running')], 'what ten claims found')
        await append(log, 'a', 'x')
        const ends = await Promise.all(numbers(3).map(() => log.end(ending, 60_000)))
        const end = ends.find((position) => position !== undefined)
        equal(ends.filter((position) => position === undefined).length, 2, 'ends that came too late')
        equal(await log.status('a'), { state: 'ended', endSeq: end?.seq, lastSeq: end?.seq }, 'status after')
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
      name: 'a topic that was claimed is held from its beginning until its time is over, whatever else is evicted',
      run: withLog(async (log) => {
        await log.claim('a')
        await log.claim('b')
        const first = await append(log, 'a', '0')
        for (const n of numbers(300)) {
          await append(log, 'other', String(n))
          if (n % 10 === 0) await append(log, n % 20 === 0 ? 'a' : 'b', String(n))
        }
        const end = await log.end(endingOf('a'), 60_000)
        for (const n of numbers(100)) await append(log, 'other', String(n))
        const dataOf = (page: LogPage): readonly string[] => page.entries.map(({ data }) => data)
        const whole = [...numbers(15).map((n) => String(n * 20)), endingOf('a').data]
        const page = await read(log, ['a'])
        equal(dataOf(page), ['0', ...whole], 'what is held')
        equal(page.evictedUpTo, 0, 'evictedUpTo')
        equal(dataOf(await read(log, ['a'], first.seq)), whole, 'after the first')
        equal((await read(log, ['a'], end?.seq)).entries, [], 'after the end')
        equal((await readAll(log, ['a', 'b'])).length, 17 + 15, 'two of them')
        const pieces: string[] = []
        for (let after = 0, more = true; more;) {
          const piece = await read(log, ['a', 'b', 'none.*'], after, 4)
          pieces.push(...dataOf(piece))
          more = piece.more
          after = piece.entries.at(-1)?.position.seq ?? after
        }
        equal(pieces.length, 17 + 15, 'two of them beside a pattern, page by page')
        equal((await read(log, ['a', 'none.*'])).evictedUpTo, 0, 'evictedUpTo beside a pattern')
      }, 10),
    },
    {
      name: 'a pattern does not reach events that are only held, and its reader learns of it',
      run: withLog(async (log) => {
        await log.claim('runs.1')
        const gone = await append(log, 'runs.1', 'x')
        await Promise.all(numbers(1000).map((n) => append(log, 'other', String(n))))
        const page = await read(log, ['runs.*'])
        equal(page.entries, [], 'what a pattern reaches')
        equal(page.evictedUpTo >= gone.seq, true, 'evictedUpTo')
        equal((await readAll(log, ['runs.1'])).length, 1, 'what the name reaches')
      }, 10),
    },
    {
      name: 'a topic that is ended unclaimed is held from then on',
      run: withLog(async (log) => {
        await append(log, 'a', 'x')
        await log.end(endingOf('a'), 60_000)
        await Promise.all(numbers(1000).map((n) => append(log, 'other', String(n))))
        equal((await readAll(log, ['a'])).length, 2, 'what is held')
      }, 10),
    },
    {
      name: 'events that come with the end are stored with it, or not at all',
      run: withLog(async (log) => {
        await log.claim('a')
        const before = [
          { topic: 'a', data: 'last words' },
          { topic: 'a', data: 'more' },
        ]
        const end = await log.end(endingOf('a'), 60_000, before)
        const entries = await readAll(log, ['a'])
        equal(
          entries.map(({ data, position }) => [data, position.seq]),
          [
            ['last words', Number(end?.seq) - 2],
            ['more', Number(end?.seq) - 1],
            [endingOf('a').data, end?.seq],
          ],
          'what is held',
        )
        equal(await log.end(endingOf('a'), 60_000, before), undefined, 'a second end')
        equal((await readAll(log, ['a'])).length, 3, 'what is held after a second end')
      }),
    },
    {
      name: 'what one topic holds is limited, for its producer, and its end has room',
      run: withLog(
        async (log) => {
          await log.claim('a')
          await append(log, 'a', 'x'.repeat(600))
          equal(await errorOf(append(log, 'a', 'y'.repeat(600))), 'topic-full', 'an append')
          equal(
            await errorOf(log.appendBatch(numbers(20).map(() => ({ topic: 'a', data: 'y' })))),
            'topic-full',
            'a batch of small ones',
          )
          await append(log, 'a', 'small')
          await append(log, 'b', 'y'.repeat(5000))
          await append(log, 'c', 'é'.repeat(600))
          await log.claim('d')
          equal(await errorOf(append(log, 'd', 'é'.repeat(600))), 'topic-full', 'what is larger in UTF-8')
          equal((await log.end(endingOf('a'), 60_000)) === undefined, false, 'whether it ended')
          equal((await readAll(log, ['a'])).length, 3, 'what is held')
        },
        { maxHeldBytesPerTopic: 1000 },
      ),
    },
    {
      name: 'where all topics hold too much, those that ended first expire, and then producers are refused',
      run: withLog(
        async (log) => {
          for (const topic of ['first', 'second', 'running']) {
            await log.claim(topic)
            await append(log, topic, 'x'.repeat(700))
          }
          for (const topic of ['first', 'second']) await log.end(endingOf(topic), 60_000)
          await append(log, 'running', 'x'.repeat(700))
          equal((await log.status('first')).state, 'expired', 'the one that ended first')
          equal((await log.status('second')).state, 'ended', 'the one that ended second')
          await append(log, 'running', 'x'.repeat(700))
          equal((await log.status('second')).state, 'expired', 'the one that ended second, later')
          equal(await errorOf(append(log, 'running', 'x'.repeat(700))), 'topic-full', 'a producer')
          const page = await read(log, ['second'])
          equal(page.entries, [], 'what is left of one that expired')
          equal(page.evictedUpTo > 0, true, 'evictedUpTo of one that expired')
          equal((await readAll(log, ['running'])).length, 3, 'what the running one holds')
        },
        { maxHeldBytes: 2800 },
      ),
    },
    {
      name: 'what a run appends is stored only while this process runs the topic',
      run: withLog(async (log) => {
        const ofRun = (data: string): Promise<unknown> =>
          log.append({ topic: 'a', data }, { onlyIfClaimed: true })
        equal(await errorOf(ofRun('before')), 'topic-not-claimed', 'before the claim')
        await log.claim('a')
        await ofRun('x')
        const together = await Promise.all([
          settled(ofRun('y')),
          errorOf(log.append({ topic: 'b', data: 'z' }, { onlyIfClaimed: true })),
          settled(append(log, 'b', 'other')),
        ])
        equal(together, ['resolved', 'topic-not-claimed', 'resolved'], 'at once with others')
        await log.end(endingOf('a'), 60_000)
        equal(await errorOf(ofRun('after')), 'topic-ended', 'after the end')
        const held = (await readAll(log, ['a', 'b'])).map(({ event, data }) => event ?? data)
        equal(held, ['x', 'y', 'other', endingOf('a').event], 'what is stored')
      }),
    },
    ...(openAgain === undefined
      ? []
      : [
          {
            name: 'what another process claimed takes nothing of a run of this one',
            run: withLog(async (log) => {
              const other = await openAgain(log)
              await log.claim('a')
              const event = { topic: 'a', data: 'x' }
              equal(await errorOf(other.append(event, { onlyIfClaimed: true })), 'topic-not-claimed', 'a run')
              equal(await settled(other.append(event)), 'resolved', 'an event that is not of a run')
              await other.close()
            }),
          },
        ]),
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
