import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseTopicPattern } from '@sse-toolkit/sse-server'
import type { EventLog, LogEntry, LogTailListener, Position } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import type { SqliteLog, SqliteLogOptions } from '@sse-toolkit/sse-sqlite'
import { afterAll, afterEach } from 'vitest'

/** Paths for logs, and logs that are closed after the test. */
export interface LogFiles {
  readonly directory: string
  readonly newPath: () => string
  readonly open: (options: SqliteLogOptions) => SqliteLog
}

export function useLogFiles(): LogFiles {
  const directory = mkdtempSync(join(tmpdir(), 'sse-sqlite-'))
  const opened: SqliteLog[] = []
  let count = 0
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((log) => log.close()))
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return {
    directory,
    newPath: () => join(directory, `${(count += 1)}.db`),
    open: (options) => {
      const log = sqliteLog(options)
      opened.push(log)
      return log
    },
  }
}

/** The notifications of a tail, as text. */
export function listenTo(log: EventLog): string[] {
  const told: string[] = []
  const listener: LogTailListener = {
    appended: ({ topic, data }) => void told.push(`${topic}: ${data}`),
    cancelled: (topic) => void told.push(`cancelled ${topic}`),
    restarted: ({ seq }) => void told.push(`restarted from ${seq}`),
    skipped: ({ seq }) => void told.push(`skipped to ${seq}`),
    abandoned: (topic) => void told.push(`abandoned ${topic}`),
    controlled: ({ name, value }) => void told.push(`control ${name}: ${value}`),
  }
  log.tail(listener)
  return told
}

export async function readAll(
  log: EventLog,
  patterns: readonly string[],
  after = 0,
): Promise<readonly LogEntry[]> {
  const { entries } = await log.read(
    patterns.map((text) => parseTopicPattern(text)),
    after,
    100_000,
  )
  return entries
}

export async function dataOf(
  log: EventLog,
  patterns: readonly string[],
  after = 0,
): Promise<readonly string[]> {
  return (await readAll(log, patterns, after)).map(({ data }) => data)
}

export function append(
  log: EventLog,
  topic: string,
  ...data: readonly string[]
): Promise<readonly Position[]> {
  return Promise.all(data.map((each) => log.append({ topic, data: each })))
}

/** As a fault, or another program, would change the file. */
export function alter(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}
