import { DatabaseSync } from 'node:sqlite'
import { createHub, systemRuntime } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'
import { describe, expect, it } from 'vitest'
import { append, dataOf, listenTo, useLogFiles } from './log-files.ts'

const files = useLogFiles()

const large = 'x'.repeat(50_000)

function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'stored',
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  )
}

describe('a disk that is full', () => {
  it('refuses events that do not fit with log-full, stores smaller ones, and can still be read', async () => {
    const log = files.open({ path: files.newPath(), maxFileBytes: 1_048_576, maxAgeMs: 0 })
    const outcomes = new Set<unknown>()
    for (let n = 0; n < 40; n += 1) outcomes.add(await outcomeOf(append(log, 'a', large)))
    expect([...outcomes]).toEqual(['stored', 'log-full'])
    const { seq } = await log.head()
    expect(seq).toBeGreaterThan(10)
    expect(log.stats()).toMatchObject({ events: seq, pendingEvents: 0 })
    // In one turn: the small ones are not refused together with the large one.
    const together = await Promise.all([
      outcomeOf(append(log, 'a', 'small')),
      outcomeOf(append(log, 'a', large)),
      outcomeOf(append(log, 'a', 'small, too')),
    ])
    expect(together).toEqual(['stored', 'log-full', 'stored'])
    expect(await dataOf(log, ['a'], seq)).toEqual(['small', 'small, too'])
  })
})

describe('a file that another process keeps locked', () => {
  function lock(path: string): { readonly release: () => void } {
    const database = new DatabaseSync(path)
    database.exec('BEGIN IMMEDIATE')
    return {
      release: () => {
        database.exec('COMMIT')
        database.close()
      },
    }
  }

  it('is retried without blocking the event loop', async () => {
    const path = files.newPath()
    const log = files.open({ path })
    const { release } = lock(path)
    let turns = 0
    const count = (): void => {
      turns += 1
      setImmediate(turns < 1000 ? count : release)
    }
    count()
    const [position] = await append(log, 'a', 'x')
    expect([turns, position?.seq]).toEqual([1000, 1])
  })

  it('keeps its process alive while an append waits', async () => {
    const path = files.newPath()
    const timers: NodeJS.Timeout[] = []
    const log = files.open({
      path,
      runtime: {
        ...systemRuntime,
        setTimeout: (callback, delayMs) => {
          const timer = systemRuntime.setTimeout(callback, delayMs)
          if (delayMs === 1) timers.push(timer as NodeJS.Timeout)
          return timer
        },
      },
    })
    const { release } = lock(path)
    const appended = append(log, 'a', 'x')
    await expect.poll(() => timers.length).toBeGreaterThan(0)
    expect(timers.at(-1)?.hasRef()).toBe(true)
    release()
    await appended
  })

  it('rejects with log-unavailable after commandTimeoutMs, stores nothing, and works again afterwards', async () => {
    const path = files.newPath()
    const log = files.open({ path, commandTimeoutMs: 20 })
    const { release } = lock(path)
    expect(await outcomeOf(append(log, 'a', 'x'))).toBe('log-unavailable')
    // Readers are not in the way of writers, nor writers of readers.
    expect(await dataOf(log, ['a'])).toEqual([])
    release()
    expect(await outcomeOf(append(log, 'a', 'y'))).toBe('stored')
    expect(await dataOf(log, ['a'])).toEqual(['y'])
  })

  it('limits the appends that wait for it', async () => {
    const path = files.newPath()
    const log = files.open({ path, maxPendingEvents: 3, maxPendingBytes: 100_000 })
    const { release } = lock(path)
    const many = Array.from({ length: 4 }, () => outcomeOf(append(log, 'a', 'x')))
    await expect(many[3]).resolves.toBe('too-many-pending')
    expect(log.stats()).toMatchObject({ pendingEvents: 3, pendingBytes: 3 * 65 })
    expect(await outcomeOf(append(log, 'a', large, large))).toBe('too-many-pending')
    release()
    expect(await Promise.all(many)).toEqual(['stored', 'stored', 'stored', 'too-many-pending'])
    expect(log.stats()).toMatchObject({ events: 3, pendingEvents: 0, pendingBytes: 0 })
  })

  it('is closed in order: waiting appends are stored or refused', async () => {
    const path = files.newPath()
    const log = files.open({ path, commandTimeoutMs: 30, onError: () => undefined })
    const { release } = lock(path)
    const waiting = outcomeOf(append(log, 'a', 'x'))
    const closing = log.close()
    expect(await waiting).toBe('log-unavailable')
    await closing
    release()
    const again = files.open({ path })
    await again.append({ topic: 'a', data: 'y' })
    const stored = outcomeOf(append(again, 'a', 'z'))
    await again.close()
    expect(await stored).toBe('stored')
    expect(await outcomeOf(append(again, 'a', 'x'))).toBe('hub-closed')
    expect(await outcomeOf(again.head())).toBe('hub-closed')
  })
})

describe('a clock that is set', () => {
  function opened(path: string, offsetMs: number): { log: EventLog; set: (offsetMs: number) => void } {
    let offset = offsetMs
    const log = files.open({
      path,
      maxAgeMs: 60_000,
      runtime: { ...systemRuntime, wallClock: () => systemRuntime.wallClock() + offset },
    })
    return { log, set: (ms) => (offset = ms) }
  }

  it('has no effect while the log is open', async () => {
    const { log, set } = opened(files.newPath(), 0)
    await append(log, 'a', '1')
    set(3_600_000)
    await append(log, 'a', '2')
    set(-3_600_000)
    await append(log, 'a', '3')
    expect(await dataOf(log, ['a'])).toEqual(['1', '2', '3'])
  })

  it('back between two runs keeps the order, and evicts nothing too early', async () => {
    const path = files.newPath()
    const first = opened(path, 0)
    await append(first.log, 'a', '1')
    await first.log.close()
    const { log } = opened(path, -3_600_000)
    await append(log, 'a', '2')
    expect(await dataOf(log, ['a'])).toEqual(['1', '2'])
  })

  it('forward between two runs counts as elapsed time', async () => {
    const path = files.newPath()
    const first = opened(path, 0)
    await append(first.log, 'a', '1')
    await first.log.close()
    const { log } = opened(path, 3_600_000)
    await append(log, 'a', '2')
    expect(await dataOf(log, ['a'])).toEqual(['2'])
  })
})

describe('a hub over the file', () => {
  it('goes on if a callback throws while tails are notified, and notifies every tail', async () => {
    const path = files.newPath()
    const log = files.open({ path })
    const uncaught: unknown[] = []
    const previous = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error))
    try {
      const failure = new Error('a listener that throws')
      log.tail({
        appended: () => {
          throw failure
        },
        cancelled: () => undefined,
        restarted: () => undefined,
        skipped: () => undefined,
        abandoned: () => undefined,
      })
      const told = listenTo(log)
      await append(log, 'a', '1', '2')
      expect(told).toEqual(['a: 1', 'a: 2'])
      await expect.poll(() => uncaught).toEqual([failure, failure])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const each of previous) process.on('uncaughtException', each)
    }
  })

  it('shows the log in inspect()', async () => {
    const log = files.open({ path: files.newPath() })
    const hub = createHub({ log })
    await hub.publish('a', { data: 1 })
    expect(hub.inspect().log).toMatchObject({ events: 1, heldBytes: 0, pendingEvents: 0, pendingBytes: 0 })
    const { fileBytes, walBytes, checkpointAgeMs } = log.stats()
    expect(Math.min(fileBytes, walBytes)).toBeGreaterThanOrEqual(4096)
    expect(checkpointAgeMs).toBeGreaterThanOrEqual(0)
    await hub.close()
    await log.close()
    expect(hub.inspect().log).toBeNull()
  })

  it('survives a restart of its process: readers resume where they were', async () => {
    const path = files.newPath()
    const log = files.open({ path })
    const hub = createHub({ log })
    const { id } = await hub.publish('a', { data: 1 })
    await hub.publish('a', { data: 2 })
    await hub.close()
    await log.close()
    const again = createHub({ log: files.open({ path }) })
    await again.publish('a', { data: 3 })
    const read: unknown[] = []
    for await (const reading of again.read(['a'], { after: id })) {
      read.push(reading)
      if (read.length === 2) break
    }
    await again.close()
    expect(read).toMatchObject([
      { type: 'event', data: '2' },
      { type: 'event', data: '3' },
    ])
  })
})
