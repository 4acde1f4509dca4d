import type { LogEntry } from '../event-log.ts'
import { append, deaf, equal, numbers, read, readAll, settled, until, withLogOf } from './harness.ts'
import type { ContractCase, ContractOptions } from './harness.ts'

/** What a log notifies its tails of, and in which order. */
export function tailCases(options: ContractOptions): readonly ContractCase[] {
  const withLog = withLogOf(options)
  return [
    {
      name: 'a tail is notified of every event once, in order, after it can be read',
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
      name: 'every tail is notified in order, also of events that a tail itself causes',
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
      name: 'a tail is notified of nothing from before it began, and of nothing once it has stopped',
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
      name: 'after close append rejects, and no tail is notified of anything',
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
}

/** For logs that several processes share. */
export function sharingCases(options: ContractOptions): readonly ContractCase[] {
  const withLog = withLogOf(options)
  const { openAgain } = options
  if (openAgain === undefined) return []
  return [
    {
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
    },
  ]
}
