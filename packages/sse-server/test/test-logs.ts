import { memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog, Runtime } from '@sse-toolkit/sse-server'
import type { VirtualClock } from '@sse-toolkit/testing'

interface LogLimits {
  readonly maxEvents?: number
  /** Its clock, if the log has none of its own. */
  readonly runtime?: Runtime
}

/** Over which logs the tests of the hub run. */
export interface TestLogs {
  create(limits: LogLimits): EventLog
  /** What a hub is given where a test says nothing; undefined: it makes its own. */
  usual(): EventLog | undefined
  /** Resolves when nothing is under way between hubs and logs. */
  settled(): Promise<void>
  /** Lets time pass for logs that have a clock of their own. */
  elapse(durationMs: number): Promise<void>
}

let logs: TestLogs = {
  create: memoryLog,
  usual: () => undefined,
  settled: async () => undefined,
  elapse: async () => undefined,
}

/** The tests of the hub that are loaded afterwards run over these, and not over logs in memory. */
export function useLogs(others: TestLogs): void {
  logs = others
}

export function createTestLog(limits: LogLimits = {}): EventLog {
  return logs.create(limits)
}

export function usualLog(): EventLog | undefined {
  return logs.usual()
}

export function settled(): Promise<void> {
  return logs.settled()
}

/** Lets time pass for the hub, and for its log, and waits for what a hub then writes to a log that is elsewhere. */
export async function elapse(clock: VirtualClock, durationMs: number): Promise<void> {
  await logs.elapse(durationMs)
  await clock.advance(durationMs)
  await logs.settled()
}
