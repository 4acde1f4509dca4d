import { parseTopicPattern } from '../../topics/topic-pattern.ts'
import type { Position } from '../../wire-contract/event-id.ts'
import { endEvent } from '../../wire-contract/reserved-events.ts'
import type { EventLog, LogEntry, LoggedEvent, LogPage, LogTailListener } from '../event-log.ts'

/** One thing that every log keeps to. Rejects with what is wrong. */
export interface ContractCase {
  readonly name: string
  readonly run: () => Promise<void>
}

/** The options that the cases give to the logs that they make. */
export interface ContractLimits {
  readonly maxEvents: number
  readonly maxHeldBytesPerTopic?: number
  readonly maxHeldBytes?: number
}

export interface ContractOptions {
  /** Makes an empty log, with limits as given. The case closes it. */
  readonly createLog: (limits: ContractLimits) => Promise<EventLog> | EventLog
  /**
   * Opens the same log a second time, as another process would. Absent for logs that live in one process.
   */
  readonly openAgain?: (log: EventLog) => Promise<EventLog> | EventLog
}

/** Makes the body of a case, which gets a log of its own. */
export type WithLog = (
  act: (log: EventLog) => Promise<void>,
  limits?: number | Partial<ContractLimits>,
) => () => Promise<void>

export function withLogOf({ createLog }: ContractOptions): WithLog {
  return (act, limits = {}) =>
    async () => {
      const log = await createLog({
        maxEvents: 1000,
        ...(typeof limits === 'number' ? { maxEvents: limits } : limits),
      })
      try {
        await act(log)
      } finally {
        await log.close()
      }
    }
}

/** The last event of a topic. */
export function endingOf(topic: string): LoggedEvent {
  return { topic, ...endEvent(topic, 'completed') }
}

export const deaf: Omit<LogTailListener, 'appended'> = {
  cancelled: (): void => undefined,
  restarted: (): void => undefined,
  skipped: (): void => undefined,
  abandoned: (): void => undefined,
}

export function append(log: EventLog, topic: string, data: string): Promise<Position> {
  return log.append({ topic, data })
}

export function read(log: EventLog, patterns: readonly string[], after = 0, limit = 1000): Promise<LogPage> {
  return log.read(
    patterns.map((pattern) => parseTopicPattern(pattern)),
    after,
    limit,
  )
}

export async function readAll(log: EventLog, patterns: readonly string[]): Promise<readonly LogEntry[]> {
  return (await read(log, patterns, 0, 100_000)).entries
}

export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [actual, expected].map((value) => JSON.stringify(value))
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}, got ${got}`)
}

/** The code of the error that a promise rejects with, or its text. */
export function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) =>
      typeof error === 'object' && error !== null && 'code' in error ? error.code : String(error),
  )
}

export function settled(promise: Promise<unknown>): Promise<'resolved' | 'rejected'> {
  return promise.then(
    () => 'resolved' as const,
    () => 'rejected' as const,
  )
}

// Over a network a tail may be notified later than the appender. The contract sets no time; this one only ends the wait.
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 5000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
}
