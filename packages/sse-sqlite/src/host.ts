import { DatabaseSync } from 'node:sqlite'
import { startCheckpointThread } from './file/checkpoint-thread.ts'
import type { StartCheckpointThread } from './file/checkpoint-thread.ts'
import type { Connection } from './file/database.ts'
import { failureOf } from './file/sqlite-failure.ts'
import { Bell } from './follow/bell.ts'
import type { LogBell } from './follow/bell.ts'

/**
 * What a log takes from its process besides the runtime. The simulation has a host of its own: its connections die at any
 * statement, and its bells and checkpoints take virtual time.
 */
export interface LogHost {
  readonly connect: (path: string) => Connection
  readonly openBell: (path: string) => LogBell
  readonly startCheckpointThread: StartCheckpointThread
}

export const systemHost: LogHost = {
  connect: (path) => new DatabaseSync(path),
  openBell: (path) => new Bell(path),
  startCheckpointThread,
}

/**
 * Opens the bell of the log at this path.
 *
 * @throws {@link LogFileError}
 */
export function openBell(host: LogHost, path: string): LogBell {
  try {
    return host.openBell(`${path}-bell`)
  } catch (error) {
    throw failureOf(error, path, 'open the log')
  }
}
