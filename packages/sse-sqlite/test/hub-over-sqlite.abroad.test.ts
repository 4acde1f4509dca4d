import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRuntime } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import { afterAll, afterEach, describe } from 'vitest'
import { createCountedLogs } from '../../sse-server/test/counted-logs.ts'
import { useLogs } from '../../sse-server/test/test-logs.ts'

// All tests of the hub, as they are over a log in memory, over logs in files.

const counted = createCountedLogs()
const directory = mkdtempSync(join(tmpdir(), 'sse-sqlite-hub-'))
let files = 0
// How far the clock of the logs is ahead of the real one.
let aheadMs = 0

const runtime = {
  ...systemRuntime,
  now: () => systemRuntime.now() + aheadMs,
  wallClock: () => systemRuntime.wallClock() + aheadMs,
}

function create({ maxEvents }: { readonly maxEvents?: number }): EventLog {
  const path = join(directory, `${(files += 1)}.db`)
  return counted.count(sqliteLog({ path, maxEvents, runtime }))
}

async function elapse(durationMs: number): Promise<void> {
  await counted.settled()
  aheadMs += durationMs
}

describe('over files', async () => {
  afterEach(() => counted.close())
  afterAll(() => rmSync(directory, { recursive: true }))

  useLogs({ create, usual: () => create({}), settled: () => counted.settled(), elapse })
  await import('../../sse-server/test/hub.test.ts')
  await import('../../sse-server/test/hub-finite.test.ts')
  await import('../../sse-server/test/hub-access.test.ts')
  await import('../../sse-server/test/hub-drain.test.ts')
  await import('../../sse-server/test/hub-callbacks.test.ts')
  await import('../../sse-server/test/hub-read.test.ts')
  await import('../../sse-server/test/hub-join.test.ts')
  await import('../../sse-server/test/hub-control.test.ts')
  await import('../../sse-server/test/hub-publishing.test.ts')
  await import('../../sse-server/test/ends.test.ts')
  await import('../../sse-server/test/drop-ins/resumable-stream.test.ts')
  await import('../../sse-server/test/drop-ins/mcp-event-store.test.ts')
  await import('../../sse-server/test/drop-ins/tanstack-ai.test.ts')
})
