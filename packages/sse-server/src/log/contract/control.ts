import type { ControlEntry, EventLog } from '../event-log.ts'
import { append, deaf, equal, numbers, readAll, until, withLogOf } from './harness.ts'
import type { ContractCase, ContractOptions } from './harness.ts'

function told(log: EventLog): ControlEntry[] {
  const entries: ControlEntry[] = []
  log.tail({
    ...deaf,
    appended: () => undefined,
    controlled: (entry) => void entries.push(entry),
  })
  return entries
}

async function kept(log: EventLog, prefix = ''): Promise<readonly (readonly [string, string])[]> {
  const entries = await log.controls(prefix)
  return entries
    .map(({ name, value }) => [name, value] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
}

/** What processes on one log tell each other. */
export function controlCases(options: ContractOptions): readonly ContractCase[] {
  const withLog = withLogOf(options)
  const { openAgain } = options
  return [
    {
      name: 'every tail that listens for control entries receives one, and no reader gets it as an event',
      run: withLog(async (log) => {
        const heard = [told(log), told(log)]
        const events: unknown[] = []
        log.tail({ ...deaf, appended: (entry) => void events.push(entry) })
        await append(log, 'a', 'x')
        await log.control('n', 'é\n😀', { ttlMs: 60_000 })
        await log.control('n', '', { ttlMs: 0 })
        await append(log, 'a', 'y')
        await until(() => events.length === 2 && heard.every(({ length }) => length >= 2), 'all to be told')
        for (const each of heard) {
          const values = each.map(({ name, value }) => [name, value])
          equal(
            [values[0], values.at(-1)],
            [
              ['n', 'é\n😀'],
              ['n', ''],
            ],
            'what was told',
          )
          equal(
            each.every(({ ageMs }) => ageMs >= 0 && ageMs < 60_000),
            true,
            'ages',
          )
        }
        equal((await readAll(log, ['>'])).length, 2, 'events that are held')
      }),
    },
    {
      name: 'a control entry is kept for its time, under its name, and the next of the name takes its place',
      run: withLog(async (log) => {
        await log.control('a 1', 'x', { ttlMs: 60_000 })
        await log.control('a 2', 'y', { ttlMs: 60_000 })
        await log.control('b "é"', 'z', { ttlMs: 60_000 })
        await log.control('a 1', 'x2', { ttlMs: 60_000 })
        equal(
          await kept(log, 'a '),
          [
            ['a 1', 'x2'],
            ['a 2', 'y'],
          ],
          'by prefix',
        )
        equal(await kept(log, 'b "'), [['b "é"', 'z']], 'by another prefix')
        await log.control('a 1', '', { ttlMs: 0 })
        await log.control('a 2', 'y2', { ttlMs: 1 })
        await until(async () => (await kept(log, 'a ')).length === 0, 'both to be gone')
        equal(await kept(log), [['b "é"', 'z']], 'what is left')
      }),
    },
    {
      name: 'a control entry that is only kept reaches no tail',
      run: withLog(async (log) => {
        const heard = told(log)
        await log.control('silent', 'x', { ttlMs: 60_000, notify: false })
        await log.control('loud', 'y', { ttlMs: 60_000 })
        await until(() => heard.some(({ name }) => name === 'loud'), 'the other to be told')
        equal(
          heard.filter(({ name }) => name === 'silent'),
          [],
          'what was told',
        )
        equal(await kept(log, 's'), [['silent', 'x']], 'what is kept')
      }),
    },
    ...(openAgain === undefined
      ? []
      : [
          {
            name: 'a control entry reaches every process, and one that begins later finds it',
            run: withLog(async (log) => {
              const other = await openAgain(log)
              const heard = told(other)
              for (const n of numbers(10)) await log.control(`n ${n}`, String(n), { ttlMs: 60_000 })
              await until(() => new Set(heard.map(({ name }) => name)).size === 10, 'the other to be told')
              await other.close()
              const later = await openAgain(log)
              equal((await kept(later, 'n ')).length, 10, 'what a later process finds')
              await later.close()
            }),
          },
        ]),
  ]
}
