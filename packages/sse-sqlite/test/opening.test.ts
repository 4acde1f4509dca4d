import { copyFileSync, openSync, closeSync, writeFileSync, writeSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { alter, append, dataOf, listenTo, readAll, useLogFiles } from './log-files.ts'

const files = useLogFiles()

/** A log that held two events, and is closed. */
async function closedLog(): Promise<{ path: string; epoch: string }> {
  const path = files.newPath()
  const log = files.open({ path })
  const [position] = await append(log, 'a', '1', '2')
  await log.close()
  return { path, epoch: position?.epoch ?? '' }
}

describe('the options', () => {
  it.each([
    [{ path: ':memory:' }, /^path: expected .*memoryLog/],
    [{ path: 'file:x?mode=memory' }, /^path: expected .*memoryLog/],
    [{ path: '' }, /^path: expected the path of a file, got ""/],
    [{ path: 7 as unknown as string }, /^path: expected the path of a file, got 7/],
    [{ path: join(files.directory, 'none/x.db') }, /^path: expected a file in a directory that exists/],
    [{ path: 'x', maxEvents: 0 }, /^maxEvents: expected an integer from 1/],
    [{ path: 'x', maxEvent: 5 }, /^maxEvent: expected a known option, got 5/],
    [
      { path: 'x', synchronous: 'off' as 'full' },
      /^synchronous: expected one of 'normal', 'full', got "off"/,
    ],
    [{ path: 'x', leaseMs: 2000, syncIntervalMs: 1000 }, /^leaseMs: expected an integer from 3000/],
  ])('%j is refused at the call', (options, message) => {
    expect(() => files.open(options)).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(message) }),
    )
  })
})

describe('a log that is opened again', () => {
  it('keeps its epoch and its events', async () => {
    const { path, epoch } = await closedLog()
    const log = files.open({ path })
    expect(await log.head()).toEqual({ epoch, seq: 2 })
    expect(await dataOf(log, ['a'])).toEqual(['1', '2'])
    expect(await append(log, 'a', '3')).toEqual([{ epoch, seq: 3 }])
  })

  it('keeps finite topics, bans and idempotency keys', async () => {
    const path = files.newPath()
    const before = files.open({ path })
    await before.claim('run')
    await before.claim('over')
    await before.end({ topic: 'over', data: 'end' }, 60_000)
    await before.control('ban', 'x', { ttlMs: 60_000 })
    const producer = { id: 'p', epoch: 0, seq: 0 }
    const stored = await before.appendBatch([{ topic: 'a', data: '1' }], producer)
    await before.close()
    const log = files.open({ path })
    expect(await log.claim('run')).toBe('running')
    expect(await log.claim('over')).toBe('ended')
    expect(await log.controls('b')).toMatchObject([{ name: 'ban', value: 'x' }])
    const repeated = await log.appendBatch([{ topic: 'a', data: '1' }], producer)
    expect(repeated).toEqual({ position: stored.position, stored: false })
  })

  it('begins a new epoch if the machine restarted before the disk had confirmed every write', async () => {
    const { path, epoch } = await closedLog()
    alter(path, `UPDATE meta SET boot = 'an earlier one', isSynced = 0`)
    const log = files.open({ path })
    const head = await log.head()
    expect(head.epoch).not.toBe(epoch)
    expect(head.seq).toBe(2)
    expect(await readAll(log, ['>'])).toEqual([])
  })

  it('keeps its epoch after a restart of the machine if the disk had confirmed every write', async () => {
    const { path, epoch } = await closedLog()
    alter(path, `UPDATE meta SET boot = 'an earlier one'`)
    const log = files.open({ path })
    expect(await log.head()).toEqual({ epoch, seq: 2 })
  })

  it('keeps the states of finite topics and their ends in a new epoch', async () => {
    const path = files.newPath()
    const before = files.open({ path })
    for (const topic of ['runs', 'ended']) {
      await before.claim(topic)
      await append(before, topic, 'x')
    }
    await before.end({ topic: 'ended', event: 'e', data: 'end' }, 60_000)
    await before.close()
    alter(path, `UPDATE meta SET boot = 'an earlier one', isSynced = 0`)
    const log = files.open({ path })
    expect(await log.claim('runs')).toBe('running')
    const [end] = await readAll(log, ['ended'])
    expect(end).toMatchObject({ event: 'e', data: 'end' })
    expect(await log.status('ended')).toEqual({
      state: 'ended',
      endSeq: end?.position.seq,
      lastSeq: end?.position.seq,
    })
  })

  it('begins a new epoch if it is a backup that lacks acknowledged events', async () => {
    const { path, epoch } = await closedLog()
    const backup = files.newPath()
    copyFileSync(path, backup)
    const between = files.open({ path })
    await append(between, 'a', '3')
    await between.close()
    copyFileSync(backup, path)
    const log = files.open({ path })
    const head = await log.head()
    expect(head.epoch).not.toBe(epoch)
    // No place is given twice.
    expect(head.seq).toBe(3)
  })

  it('begins a new epoch if it is a copy, since the original may go on', async () => {
    const { path, epoch } = await closedLog()
    const copy = files.newPath()
    copyFileSync(path, copy)
    const [log, other] = [files.open({ path }), files.open({ path: copy })]
    expect((await log.head()).epoch).toBe(epoch)
    expect((await other.head()).epoch).not.toBe(epoch)
  })
})

describe('a file that cannot be used', () => {
  it('is refused if it is not a database, and left as it is', () => {
    const path = files.newPath()
    writeFileSync(path, 'notes')
    expect(() => files.open({ path })).toThrow(expect.objectContaining({ code: 'corrupt', path }))
    expect(statSync(path).size).toBe(5)
  })

  it('is refused if a page is damaged, with advice', async () => {
    const path = files.newPath()
    const before = files.open({ path })
    await append(before, 'a', ...Array.from({ length: 2000 }, (_, n) => `event ${n}`.repeat(10)))
    await before.close()
    const descriptor = openSync(path, 'r+')
    for (let page = 25; page < 60; page += 1)
      writeSync(descriptor, Buffer.alloc(4096, 0xff), 0, 4096, page * 4096)
    closeSync(descriptor)
    expect(() => files.open({ path })).toThrow(
      expect.objectContaining({ code: 'corrupt', message: expect.stringContaining('Restore a backup') }),
    )
  })

  it('is refused if another program made it', () => {
    const path = files.newPath()
    alter(path, 'CREATE TABLE notes (text)')
    expect(() => files.open({ path })).toThrow(
      expect.objectContaining({ code: 'other-version', message: expect.stringContaining('another program') }),
    )
    const database = new DatabaseSync(path)
    expect(database.prepare('SELECT name FROM sqlite_schema').all()).toMatchObject([{ name: 'notes' }])
    database.close()
  })

  it('is refused if another release made it', async () => {
    const { path } = await closedLog()
    alter(path, 'PRAGMA user_version = 99')
    expect(() => files.open({ path })).toThrow(
      expect.objectContaining({ code: 'other-version', message: expect.stringContaining('version 99') }),
    )
  })

  it('is refused if it is a directory', () => {
    expect(() => files.open({ path: files.directory })).toThrow(
      expect.objectContaining({ code: 'cannot-open' }),
    )
  })
})

describe('a file that is lost while the log is open', () => {
  it('is created again: readers get a gap, and no append is acknowledged that was not stored', async () => {
    const errors: unknown[] = []
    const path = files.newPath()
    const log = files.open({ path, onError: (error) => errors.push(error) })
    const told = listenTo(log)
    const [first] = await append(log, 'a', '1')
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`)
    const [second] = await append(log, 'a', '2')
    expect(second?.epoch).not.toBe(first?.epoch)
    expect(told).toEqual(['a: 1', `restarted from 0`, 'a: 2'])
    expect(errors).toEqual([expect.objectContaining({ code: 'replaced' })])
    const other = files.open({ path })
    expect(await dataOf(other, ['a'])).toEqual(['2'])
  })

  it('is noticed by a process that writes nothing', async () => {
    const path = files.newPath()
    const log = files.open({ path, onError: () => undefined })
    await append(log, 'a', '1')
    const told = listenTo(log)
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`)
    await expect.poll(() => told).toEqual(['restarted from 0'])
    expect(await readAll(log, ['>'])).toEqual([])
  })

  it('is noticed by a round of maintenance: what the process was running is stopped, and nothing else is reported', async () => {
    const path = files.newPath()
    const errors: unknown[] = []
    const onError = (error: unknown): void => void errors.push(error)
    const log = files.open({ path, syncIntervalMs: 10, onError })
    const told = listenTo(log)
    await log.claim('run')
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`)
    await expect.poll(() => told).toEqual(['restarted from 0', 'cancelled run'])
    expect(errors).toEqual([expect.objectContaining({ code: 'replaced' })])
  })
})
