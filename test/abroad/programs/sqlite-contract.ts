/**
 * Runs the contract of logs over a log in a file, on whatever runtime runs this. Prints a line for each case that fails, and
 * at the end how many there were.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import type { SqliteLog, SqliteLogOptions } from '@sse-toolkit/sse-sqlite'

const directory = mkdtempSync(join(tmpdir(), 'sse-sqlite-contract-'))
const pathOf = new WeakMap<object, string>()
let files = 0

function open(path: string, limits: Partial<SqliteLogOptions> = {}): SqliteLog {
  const log = sqliteLog({ path, ...limits })
  pathOf.set(log, path)
  return log
}

const cases = eventLogContract({
  createLog: (limits) => open(join(directory, `${(files += 1)}.db`), limits),
  openAgain: (log) => open(pathOf.get(log) ?? ''),
})
let kept = 0
for (const { name, run } of cases) {
  try {
    await run()
    kept += 1
  } catch (error) {
    console.log(`${name}: ${String(error)}`)
  }
}
rmSync(directory, { recursive: true })
console.log(`kept ${kept} of ${cases.length}`)
