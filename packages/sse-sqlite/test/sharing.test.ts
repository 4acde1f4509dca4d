import { rmSync } from 'node:fs'
import { systemRuntime } from '@sse-toolkit/sse-server'
import type { SqliteLog, SqliteLogOptions } from '@sse-toolkit/sse-sqlite'
import { describe, expect, it } from 'vitest'
import { alter, append, dataOf, listenTo, useLogFiles } from './log-files.ts'

const files = useLogFiles()

// Two logs on one file, as two processes have them.
function openTwo(
  options: Partial<SqliteLogOptions> = {},
): readonly [log: SqliteLog, other: SqliteLog, path: string] {
  const path = files.newPath()
  return [files.open({ path, ...options }), files.open({ path, ...options }), path]
}

// A lease that ends soon.
const short = { syncIntervalMs: 10, leaseMs: 30 }

describe('two processes on one file', () => {
  it("are notified of each other's changes in order", async () => {
    const [log, other] = openTwo()
    const told = [log, other].map(listenTo)
    await log.claim('run')
    for (let n = 0; n < 20; n += 1) {
      const each = n % 2 === 0 ? log : other
      await append(each, 'run', String(n))
      if (n % 5 === 0) await each.control('c', String(n), { ttlMs: 60_000 })
    }
    await other.cancel('run')
    await log.end({ topic: 'run', data: 'end' }, 60_000)
    await expect.poll(() => told.map(({ length }) => length)).toEqual([26, 26])
    expect(told[0]).toEqual(told[1])
    expect(told[0]?.slice(-3)).toEqual(['run: 19', 'cancelled run', 'run: end'])
  })

  it('see at once what the other has acknowledged, before the notice arrives', async () => {
    const [log, other] = openTwo()
    const told = listenTo(other)
    for (let n = 1; n <= 50; n += 1) {
      const [position] = await append(log, 'a', String(n))
      expect(await other.head()).toEqual(position)
      expect(told.length).toBe(n)
      expect(await dataOf(other, ['a'], n - 1)).toEqual([String(n)])
    }
  })

  it('get a control entry even after the file has dropped its notice', async () => {
    const [log, late] = openTwo()
    const told = listenTo(late)
    await log.control('ban', 'x', { ttlMs: 60_000 })
    await Promise.all(Array.from({ length: 5000 }, () => log.control('beat', '', { ttlMs: 0 })))
    await expect.poll(() => told.includes('control ban: x')).toBe(true)
  })

  it('skip events that were evicted before the notice arrived', async () => {
    const [log, other] = openTwo({ maxEvents: 10 })
    const told = listenTo(other)
    await append(log, 'a', ...Array.from({ length: 100 }, (_, n) => String(n)))
    await expect.poll(() => told.at(-1)).toBe('a: 99')
    const heard = told.filter((each) => each.startsWith('a: '))
    const skipped = told.filter((each) => each.startsWith('skipped'))
    expect(skipped.length + heard.length).toBeGreaterThanOrEqual(11)
    expect(heard).toEqual(heard.toSorted((one, two) => Number(one.slice(3)) - Number(two.slice(3))))
  })

  it('share the topics that one of them runs: when it closes, another is notified that they are abandoned', async () => {
    const [log, other] = openTwo(short)
    const told = listenTo(other)
    await log.claim('run')
    await log.close()
    await expect.poll(() => told).toEqual(['abandoned run'])
    expect(await other.claim('run')).toBe('running')
  })

  it('take over the topics of a frozen process, which is notified to stop when it wakes', async () => {
    const path = files.newPath()
    let isFrozen = false
    // Its timers fire, and it does nothing: as a process that was stopped.
    const waiting: (() => void)[] = []
    const frozen = files.open({
      path,
      ...short,
      runtime: {
        ...systemRuntime,
        setTimeout: (callback, delayMs) =>
          systemRuntime.setTimeout(() => (isFrozen ? void waiting.push(callback) : callback()), delayMs),
      },
    })
    const log = files.open({ path, ...short })
    const [told, toldFrozen] = [listenTo(log), listenTo(frozen)]
    await frozen.claim('run')
    isFrozen = true
    await expect.poll(() => told.filter((each) => each.startsWith('abandoned'))).toEqual(['abandoned run'])
    isFrozen = false
    for (const each of waiting) each()
    await expect
      .poll(() => toldFrozen.filter((each) => each.startsWith('cancelled')))
      .toEqual(['cancelled run'])
  })

  it('leave topics to a process that is alive, however long they run', async () => {
    const [log, other] = openTwo(short)
    const told = listenTo(other)
    await log.claim('run')
    const begun = performance.now()
    await expect.poll(() => performance.now() - begun).toBeGreaterThan(10 * short.leaseMs)
    expect(told).toEqual([])
    expect((await other.status('run')).state).toBe('running')
  })

  it('begin a new epoch together if an older file replaces theirs', async () => {
    const [log, other, path] = openTwo()
    const told = [log, other].map(listenTo)
    await append(log, 'a', '1')
    await expect.poll(() => told).toEqual([['a: 1'], ['a: 1']])
    alter(path, 'UPDATE meta SET seq = 0, indexed = 0; DELETE FROM events; DELETE FROM places')
    await append(other, 'a', '2')
    await expect
      .poll(() => told)
      .toEqual([
        ['a: 1', 'restarted from 1', 'a: 2'],
        ['a: 1', 'restarted from 1', 'a: 2'],
      ])
    expect(await log.head()).toEqual(await other.head())
  })

  it('find at once that the file was deleted: no reader is led back into it', async () => {
    const path = files.newPath()
    const [log, other] = [1, 2].map(() => files.open({ path, onError: () => undefined }))
    if (log === undefined || other === undefined) throw new Error('two logs were opened')
    await append(log, 'a', '1')
    await log.claim('run')
    await log.control('ban', 'x', { ttlMs: 60_000 })
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`)
    await append(log, 'a', '2')
    // All in the turn in which the first one has stored: no look of the other's has come in between.
    const found = [other.status('run'), other.controls(''), other.head(), dataOf(other, ['a'])] as const
    const [status, controls, head, data] = await Promise.all(found)
    expect(status.state).toBe('open')
    expect(controls).toEqual([])
    expect(head).toEqual(await log.head())
    expect(data).toEqual(['2'])
  })
})
