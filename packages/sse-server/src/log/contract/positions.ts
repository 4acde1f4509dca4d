import { formatEventId, parseEventId } from '../../wire-contract/event-id.ts'
import { append, endingOf, equal, errorOf, numbers, read, readAll, withLogOf } from './harness.ts'
import type { ContractCase, ContractOptions } from './harness.ts'

/** The order of a log, and which topics are valid. */
export function positionCases(options: ContractOptions): readonly ContractCase[] {
  const withLog = withLogOf(options)
  return [
    {
      name: 'an empty log has the position before the first event as its head',
      run: withLog(async (log) => {
        const head = await log.head()
        equal(head.seq, 0, 'seq of the head')
        equal(parseEventId(formatEventId(head))?.epoch, head.epoch, 'epoch, as an id carries it')
      }),
    },
    {
      name: 'append gives each event a greater seq, over all topics, in one epoch',
      run: withLog(async (log) => {
        const { epoch } = await log.head()
        let last = 0
        for (const topic of ['a', 'b', 'a', 'c']) {
          const position = await append(log, topic, 'x')
          equal(position.epoch, epoch, 'epoch')
          equal(position.seq > last, true, 'seq rises')
          last = position.seq
          equal((await log.head()).seq, last, 'seq of the head')
        }
      }),
    },
    {
      name: 'appends that overlap have different positions, and are all kept',
      run: withLog(async (log) => {
        const positions = await Promise.all(numbers(100).map((n) => append(log, 'a', String(n))))
        equal(new Set(positions.map((position) => position.seq)).size, 100, 'different seqs')
        equal((await readAll(log, ['a'])).length, 100, 'events')
      }),
    },
    {
      name: 'an invalid topic is refused by every method',
      run: withLog(async (log) => {
        for (const topic of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a\nb', 'a\0b', 'a.*', '>', 'a.\ud800']) {
          for (const [what, call] of [
            ['append', append(log, topic, 'x')],
            ['claim', log.claim(topic)],
            ['end', log.end(endingOf(topic), 60_000)],
            ['cancel', log.cancel(topic)],
            ['status', log.status(topic)],
          ] as const) {
            equal(await errorOf(call), 'invalid-topic', `${what} of ${JSON.stringify(topic)}`)
          }
        }
        equal((await log.head()).seq, 0, 'seq of the head')
        equal(await readAll(log, ['>']), [], 'what is held')
      }),
    },
    {
      name: 'topics that differ are different topics, in any script and of any length',
      run: withLog(async (log) => {
        const topics = [
          'é',
          'e\u0301',
          'E',
          'ﬁ',
          'fi',
          '\ufffd',
          '😀',
          'a:b',
          'a\\b',
          'a"b',
          '%2e',
          'x'.repeat(1000),
        ]
        for (const topic of topics) await append(log, topic, topic)
        for (const topic of topics) {
          const { entries } = await read(log, [topic])
          equal(
            entries.map((entry) => [entry.topic, entry.data]),
            [[topic, topic]],
            `what topic ${topic} holds`,
          )
        }
      }),
    },
  ]
}
