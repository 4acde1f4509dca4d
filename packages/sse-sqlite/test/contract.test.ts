import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import type { SqliteLog, SqliteLogOptions } from '@sse-toolkit/sse-sqlite'
import { afterAll, describe, expect, it } from 'vitest'

describe('sqliteLog', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sse-sqlite-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  const pathOf = new WeakMap<object, string>()
  let files = 0

  function open(path: string, limits?: Partial<SqliteLogOptions>): SqliteLog {
    const log = sqliteLog({ path, ...limits })
    pathOf.set(log, path)
    return log
  }

  it.each(
    eventLogContract({
      createLog: (limits) => open(join(directory, `${(files += 1)}.db`), limits),
      openAgain: (log) => open(pathOf.get(log) ?? ''),
    }),
  )('follows the contract of logs: $name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})
