import type { EventLog, LogEntry, ProducerSequence } from '../event-log.ts'
import { append, deaf, endingOf, equal, errorOf, numbers, readAll, until, withLogOf } from './harness.ts'
import type { ContractCase, ContractOptions } from './harness.ts'

function batchOf(topic: string, ...data: readonly string[]): readonly { topic: string; data: string }[] {
  return data.map((each) => ({ topic, data: each }))
}

function dataOf(entries: readonly LogEntry[]): readonly string[] {
  return entries.map(({ data }) => data)
}

/** Several events at once, and what a producer repeats. */
export function batchCases(options: ContractOptions): readonly ContractCase[] {
  const withLog = withLogOf(options)
  const first: ProducerSequence = { id: 'p', epoch: 0, seq: 0 }

  /** What a producer's next batch, of one event, is refused with; or whether it was stored. */
  async function outcome(log: EventLog, topic: string, producer: ProducerSequence): Promise<unknown> {
    const appending = log.appendBatch(batchOf(topic, `${producer.epoch}.${producer.seq}`), producer)
    const error = await errorOf(appending)
    return error === 'no error' ? (await appending).stored : error
  }

  return [
    {
      name: 'a batch is stored with consecutive positions, and no event of another between them',
      run: withLog(async (log) => {
        const heard: LogEntry[] = []
        log.tail({ ...deaf, appended: (entry) => void heard.push(entry) })
        const appended = await Promise.all(
          numbers(20).flatMap((n) => [
            log.appendBatch(batchOf(`batch.${n}`, 'a', 'b', 'c')),
            append(log, 'single', String(n)),
          ]),
        )
        await until(() => heard.length === 80, 'the tail to hear of 80 events')
        equal(heard, await readAll(log, ['>']), 'what the tail heard of')
        for (const n of numbers(20)) {
          const entries = await readAll(log, [`batch.${n}`])
          const last = appended[n * 2]
          if (last === undefined || !('stored' in last)) throw new Error('a batch without a result')
          const { seq } = last.position
          equal(last.stored, true, 'stored')
          equal(
            entries.map(({ data, position }) => [data, position.seq]),
            [
              ['a', seq - 2],
              ['b', seq - 1],
              ['c', seq],
            ],
            'the batch',
          )
        }
      }),
    },
    {
      name: 'every tail is notified of a batch in order, also when a tail appends in the middle of it',
      run: withLog(async (log) => {
        const heard: string[][] = [[], []]
        const caused: Promise<unknown>[] = []
        for (const each of heard)
          log.tail({
            ...deaf,
            appended: ({ topic, data }) => {
              each.push(data)
              if (topic === 'a') caused.push(log.appendBatch(batchOf('b', `${data}'`, `${data}"`)))
            },
          })
        await log.appendBatch(batchOf('a', '1', '2', '3'))
        await until(() => heard.every(({ length }) => length === 15), 'both tails to hear of 15 events')
        await Promise.all(caused)
        const stored = dataOf(await readAll(log, ['>']))
        for (const each of heard) equal(each, stored, 'what a tail heard of')
      }),
    },
    {
      name: 'a batch that is refused leaves nothing behind',
      run: withLog(async (log) => {
        await log.end(endingOf('a'), 60_000)
        const { seq } = await log.head()
        equal(await errorOf(log.appendBatch(batchOf('a', 'x', 'y'), first)), 'topic-ended', 'the batch')
        equal(await errorOf(log.appendBatch(batchOf('a b', 'x'))), 'invalid-topic', 'a topic there cannot be')
        equal(await errorOf(log.appendBatch([])), 'invalid-option', 'no event')
        equal(
          await errorOf(log.appendBatch([...batchOf('b', 'x'), ...batchOf('c', 'x')])),
          'invalid-option',
          'two topics',
        )
        equal(
          await errorOf(log.appendBatch(batchOf('b', ...numbers(257).map(String)))),
          'invalid-option',
          'too many events',
        )
        equal((await log.head()).seq, seq, 'seq of the head')
      }),
    },
    {
      name: 'what a producer repeats is stored once, and gets the position of the first time',
      run: withLog(async (log) => {
        const all = await Promise.all(numbers(10).map(() => log.appendBatch(batchOf('a', 'x', 'y'), first)))
        equal(all.filter(({ stored }) => stored).length, 1, 'how many were stored')
        equal(new Set(all.map(({ position }) => JSON.stringify(position))).size, 1, 'different positions')
        const second = await log.appendBatch(batchOf('a', 'z'), { ...first, seq: 1 })
        await append(log, 'a', 'other')
        const repeated = await log.appendBatch(batchOf('a', 'x', 'y'), first)
        equal(repeated, { position: all[0]?.position, stored: false }, 'the first, once more')
        const again = await log.appendBatch(batchOf('a', 'z'), { ...first, seq: 1 })
        equal(again, { position: second.position, stored: false }, 'the second, once more')
        equal(dataOf(await readAll(log, ['a'])), ['x', 'y', 'z', 'other'], 'what the topic holds')
        await log.end(endingOf('a'), 60_000)
        equal(
          await log.appendBatch(batchOf('a', 'z'), { ...first, seq: 1 }),
          { position: second.position, stored: false },
          'once more, after the topic has ended',
        )
      }),
    },
    {
      name: 'a repeat of long ago is not stored again either',
      run: withLog(async (log) => {
        await Promise.all(numbers(1100).map((seq) => log.appendBatch(batchOf('a', 'x'), { ...first, seq })))
        const { seq: last } = await log.head()
        for (const seq of [0, 1, 500, 1099]) {
          const { stored, position } = await log.appendBatch(batchOf('a', 'x'), { ...first, seq })
          equal(stored, false, `whether number ${seq} was stored`)
          equal(position.seq <= last, true, `the position of number ${seq}`)
        }
        equal((await log.head()).seq, last, 'seq of the head')
      }, 10),
    },
    {
      name: 'a producer that skips an event, or is of an epoch that is over, is refused',
      run: withLog(async (log) => {
        equal(await outcome(log, 'a', { ...first, seq: 1 }), 'sequence-gap', 'one that begins with 1')
        equal(await outcome(log, 'a', first), true, '0')
        equal(await outcome(log, 'a', { ...first, seq: 2 }), 'sequence-gap', '2 after 0')
        equal(await outcome(log, 'a', { ...first, seq: 1 }), true, '1 after 0')
        equal(await outcome(log, 'a', { ...first, epoch: 2, seq: 1 }), 'sequence-gap', '1 of a new epoch')
        equal(await outcome(log, 'a', { ...first, epoch: 2 }), true, '0 of a new epoch')
        equal(await outcome(log, 'a', { ...first, epoch: 1 }), 'stale-producer', 'an epoch that is over')
        equal(await outcome(log, 'a', { ...first, seq: 2 }), 'stale-producer', 'the first epoch')
        equal(await outcome(log, 'a', { ...first, epoch: 2 }), false, '0 of the new epoch once more')
        equal(dataOf(await readAll(log, ['a'])), ['0.0', '0.1', '2.0'], 'what was stored')
        const error: unknown = await log.appendBatch(batchOf('a', 'x'), { ...first, epoch: 2, seq: 7 }).then(
          () => undefined,
          (cause: unknown) => cause,
        )
        equal((error as { expected?: unknown }).expected, { epoch: 2, seq: 1 }, 'what is expected')
      }),
    },
    {
      name: 'producers are distinguished by topic and id, whatever their names',
      run: withLog(async (log) => {
        const ids = ['p', 'P', 'p:0', '0', '__proto__', 'é', 'e\u0301', 'a b', '\u0000', 'p\n']
        for (const topic of ['a', 'a.b', 'b'])
          for (const id of ids) equal(await outcome(log, topic, { ...first, id }), true, `${topic} ${id}`)
        for (const topic of ['a', 'a.b', 'b'])
          for (const id of ids) equal(await outcome(log, topic, { ...first, id }), false, `${topic} ${id}`)
      }),
    },
    {
      name: 'of a batch that is not stored its producer may send the number again',
      run: withLog(
        async (log) => {
          await log.claim('a')
          const large = batchOf('a', 'x'.repeat(2000))
          equal(await errorOf(log.appendBatch(large, first)), 'topic-full', 'what the topic has no room for')
          equal(await outcome(log, 'a', first), true, 'the same number with less')
        },
        { maxHeldBytesPerTopic: 1000 },
      ),
    },
  ]
}
