import { TopicError } from '../errors/topic-error.ts'
import { parseTopicPattern } from '../topics/topic-pattern.ts'
import { formatEventId, parseEventId, type Position } from '../wire-contract/event-id.ts'
import type { EventLog, LogEntry, LogPage } from './event-log.ts'

/** One thing that every log keeps to. Rejects with what is wrong. */
export interface ContractCase {
  readonly name: string
  readonly run: () => Promise<void>
}

export interface ContractOptions {
  /** Makes an empty log, with limits as given. The case closes it. */
  readonly createLog: (limits: { readonly maxEvents: number }) => Promise<EventLog> | EventLog
  /**
   * Opens the same log a second time, as another process would. Absent for logs that live in one process.
   */
  readonly openAgain?: (log: EventLog) => Promise<EventLog> | EventLog
}

/**
 * The contract of {@link EventLog}, as cases for any test runner.
 *
 * @example
 * ```ts
 * import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
 * import { memoryLog } from '@sse-toolkit/sse-server'
 *
 * for (const { name, run } of eventLogContract({ createLog: (limits) => memoryLog(limits) })) {
 *   await run() // or: it(name, run)
 * }
 * ```
 */
export function eventLogContract(options: ContractOptions): readonly ContractCase[] {
  const withLog =
    (act: (log: EventLog) => Promise<void>, maxEvents = 1000) =>
    async (): Promise<void> => {
      const log = await options.createLog({ maxEvents })
      try {
        await act(log)
      } finally {
        await log.close()
      }
    }

  const cases: ContractCase[] = [
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
      name: 'a tail hears of every event once, in order, after it can be read',
      run: withLog(async (log) => {
        const heard: LogEntry[] = []
        const readable: Promise<boolean>[] = []
        const stop = log.tail({
          appended: (entry) => {
            heard.push(entry)
            readable.push(
              read(log, [entry.topic], entry.position.seq - 1).then(
                ({ entries }) => entries[0]?.data === entry.data,
              ),
            )
          },
          ...deaf,
        })
        await Promise.all(numbers(50).map((n) => append(log, `t${n % 3}`, String(n))))
        await until(() => heard.length === 50, 'the tail to hear of 50 events')
        const seqs = heard.map((entry) => entry.position.seq)
        equal(
          seqs,
          seqs.toSorted((a, b) => a - b),
          'seqs that the tail heard of',
        )
        equal(heard, await readAll(log, ['>']), 'what the tail heard of')
        equal((await Promise.all(readable)).includes(false), false, 'an event that could not be read yet')
        stop()
        await append(log, 't0', 'later')
        equal(heard.length, 50, 'events after the tail was stopped')
      }),
    },
    {
      name: 'a topic that there cannot be is refused, whatever is done with it',
      run: withLog(async (log) => {
        const ending = { event: 'stream.end', data: '{}', key: undefined }
        for (const topic of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a\nb', 'a\0b', 'a.*', '>', 'a.\ud800']) {
          for (const [what, call] of [
            ['append', append(log, topic, 'x')],
            ['claim', log.claim(topic)],
            ['end', log.end({ ...ending, topic }, 60_000)],
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
    {
      name: 'every tail hears of events in order, also of those that a tail itself causes',
      run: withLog(async (log) => {
        const heard: LogEntry[][] = [[], [], []]
        const caused: Promise<unknown>[] = []
        for (const [index, each] of heard.entries()) {
          log.tail({
            ...deaf,
            appended: (entry) => {
              each.push(entry)
              const depth = Number(entry.data)
              // Each of the three answers an event of the next lower depth, in a topic of its own.
              if (depth > 0) caused.push(append(log, `answer.${index}`, String(depth - 1)))
            },
          })
        }
        await append(log, 'question', '3')
        const count = 1 + 3 + 9 + 27
        await until(
          () => heard.every((each) => each.length === count),
          `three tails to hear of ${count} events`,
        )
        await Promise.all(caused)
        const stored = await readAll(log, ['>'])
        for (const each of heard) equal(each, stored, 'what a tail heard of')
      }),
    },
    {
      name: 'a tail hears of nothing from before it began, and of nothing once it has stopped',
      run: withLog(async (log) => {
        const late: LogEntry[] = []
        const stopped: LogEntry[] = []
        let stop: () => void = () => undefined
        log.tail({
          ...deaf,
          appended: (entry) => {
            if (entry.data !== 'first') return
            stop()
            log.tail({ ...deaf, appended: (each) => void late.push(each) })
          },
        })
        stop = log.tail({ ...deaf, appended: (entry) => void stopped.push(entry) })
        await append(log, 'a', 'first')
        await until(() => true, 'the turn to end')
        const second = await append(log, 'a', 'second')
        await until(() => late.at(-1)?.position.seq === second.seq, 'the late tail to hear of an event')
        equal(
          late.map((entry) => entry.data),
          ['second'],
          'what the late tail heard of',
        )
        equal(stopped, [], 'what the tail heard of that was stopped by another')
      }),
    },
    {
      name: 'beyond its limit the oldest events go, and a reader from before them is told',
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
        for (const n of numbers(1000)) await append(log, 'frequent', String(n))
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
      name: 'a topic is claimed once, ended once, and takes nothing after its end',
      run: withLog(async (log) => {
        const ending = { topic: 'a', event: 'stream.end', data: '{}', key: undefined }
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
          ['x', 'stream.end'],
          'what is held',
        )
        await log.end({ ...ending, topic: 'b' }, 60_000)
        equal((await log.status('b')).state, 'ended', 'a topic that was ended unclaimed')
      }),
    },
    {
      name: 'the last event of an ended topic can be read, whatever else is evicted',
      run: withLog(async (log) => {
        const last = await append(log, 'a', 'x')
        const end = await log.end({ topic: 'a', event: 'stream.end', data: '{}', key: undefined }, 60_000)
        for (const n of numbers(1000)) await append(log, 'b', String(n))
        const page = await read(log, ['a'])
        equal(
          page.entries.map((entry) => [entry.event, entry.position.seq]),
          [['stream.end', end?.seq]],
          'what is held',
        )
        equal(page.more, false, 'more')
        equal((await read(log, ['a'], end?.seq)).entries, [], 'after the end')
        const rest = await read(log, ['a'], last.seq)
        equal(rest.evictedUpTo <= last.seq, true, 'nothing gone for who lacks only the end')
      }, 10),
    },
    {
      name: 'an ended topic expires, its events go, and it is not open again',
      run: withLog(async (log) => {
        await log.claim('a')
        const position = await append(log, 'a', 'x')
        await log.end({ topic: 'a', event: 'stream.end', data: '{}', key: undefined }, 1)
        await until(async () => (await log.status('a')).state === 'expired', 'the topic to expire')
        equal(await log.claim('a'), 'expired', 'a claim')
        equal(await settled(append(log, 'a', 'y')), 'rejected', 'an append')
        const page = await read(log, ['a'])
        equal(page.entries, [], 'what is held')
        equal(page.evictedUpTo >= position.seq, true, 'evictedUpTo covers what is gone')
      }),
    },
    {
      name: 'cancelling a running topic is heard by every tail, and by none otherwise',
      run: withLog(async (log) => {
        const heard: string[] = []
        for (const name of ['first', 'second']) {
          log.tail({
            ...deaf,
            appended: () => undefined,
            cancelled: (topic) => heard.push(`${name}: ${topic}`),
          })
        }
        equal(await log.cancel('a'), 'open', 'the state of one that does not run')
        await log.claim('a')
        equal(await log.cancel('a'), 'running', 'the state of one that runs')
        await until(() => heard.length === 2, 'both tails to hear of it')
        equal(heard.toSorted(), ['first: a', 'second: a'], 'what was heard')
      }),
    },
    {
      name: 'after close append rejects, and no tail hears of anything',
      run: async () => {
        const log = await options.createLog({ maxEvents: 10 })
        let heard = 0
        log.tail({
          appended: () => {
            heard += 1
          },
          ...deaf,
        })
        await log.close()
        equal(await settled(append(log, 'a', 'x')), 'rejected', 'append')
        equal(heard, 0, 'events heard of')
      },
    },
  ]

  const { openAgain } = options
  if (openAgain !== undefined) {
    cases.push({
      name: 'two processes on one log see one order of all events',
      run: withLog(async (log) => {
        const other = await openAgain(log)
        try {
          const heard: LogEntry[][] = [[], []]
          for (const [index, each] of [log, other].entries()) {
            each.tail({ appended: (entry) => heard[index]?.push(entry), ...deaf })
          }
          await Promise.all(
            numbers(100).map((n) => append(n % 2 === 0 ? log : other, `t${n % 5}`, String(n))),
          )
          await until(() => heard.every((each) => each.length === 100), 'both tails to hear of 100 events')
          equal(heard[0], heard[1], 'what the two tails heard of')
          equal(heard[0], await readAll(other, ['>']), 'what the log holds')
        } finally {
          await other.close()
        }
      }),
    })
  }
  return cases
}

const deaf = {
  cancelled: (): void => undefined,
  restarted: (): void => undefined,
  skipped: (): void => undefined,
  abandoned: (): void => undefined,
}

function append(log: EventLog, topic: string, data: string): Promise<Position> {
  return log.append({ topic, event: undefined, data, key: undefined })
}

function read(log: EventLog, patterns: readonly string[], after = 0, limit = 1000): Promise<LogPage> {
  return log.read(
    patterns.map((pattern) => parseTopicPattern(pattern)),
    after,
    limit,
  )
}

async function readAll(log: EventLog, patterns: readonly string[]): Promise<readonly LogEntry[]> {
  return (await read(log, patterns, 0, 100_000)).entries
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

function equal(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [actual, expected].map((value) => JSON.stringify(value))
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}, got ${got}`)
}

/** The code of the error that a promise rejects with. */
function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof TopicError ? error.code : String(error)),
  )
}

function settled(promise: Promise<unknown>): Promise<'resolved' | 'rejected'> {
  return promise.then(
    () => 'resolved' as const,
    () => 'rejected' as const,
  )
}

// A tail may be told later than the appender, over a network. The contract sets no time; this one only ends the wait.
async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 5000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
}
