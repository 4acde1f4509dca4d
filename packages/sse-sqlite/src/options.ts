import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { OptionError, systemRuntime } from '@sse-toolkit/sse-server'
import type { Runtime } from '@sse-toolkit/sse-server'

/** Options of {@link sqliteLog}. All processes on one file must give the same ones. */
export interface SqliteLogOptions {
  /**
   * Where the file is, or is to be created. Its directory must exist, be on a local disk, and let the process create files:
   * SQLite keeps `-wal` and `-shm` next to it, and the log keeps `-bell`.
   */
  readonly path: string
  /** The number of events the log holds, over all topics. Beyond it the oldest are evicted. @defaultValue 10 000 */
  readonly maxEvents?: number | undefined
  /** Length of all data together, in UTF-16 code units. Beyond it the oldest events are evicted. @defaultValue 64 Mi */
  readonly maxDataLength?: number | undefined
  /**
   * How large the file may grow. What would exceed it rejects with {@link LogFullError}. The write-ahead log next to it takes up
   * to 32 MiB more.
   *
   * @defaultValue no limit but the disk
   */
  readonly maxFileBytes?: number | undefined
  /** Milliseconds for which an event is kept, also while no process runs. 0 keeps events forever. @defaultValue 600 000 */
  readonly maxAgeMs?: number | undefined
  /**
   * When the disk has to confirm what is stored.
   *
   * - `normal`: now and then. A process that is killed loses nothing. After a loss of power, or a crash of the operating
   *   system, the newest events may be missing: the log begins a new epoch, and every reader gets a gap.
   * - `full`: with each turn of the event loop in which something is stored. Nothing that was acknowledged is lost.
   *
   * Claims and ends of topics are always confirmed.
   *
   * @defaultValue `'normal'`
   */
  readonly synchronous?: 'normal' | 'full' | undefined
  /** Milliseconds for which an operation waits for other processes' locks. Then it rejects. @defaultValue 5000 */
  readonly commandTimeoutMs?: number | undefined
  /** How many events may wait to be appended in this process. One more rejects. @defaultValue 10 000 */
  readonly maxPendingEvents?: number | undefined
  /**
   * How many bytes of events may wait to be appended in this process: their data in UTF-8, and 64 for each. What would exceed
   * it rejects, unless nothing else waits.
   *
   * @defaultValue 67 108 864 (64 MiB)
   */
  readonly maxPendingBytes?: number | undefined
  /**
   * Bytes that a running or ended topic may hold: its data in UTF-8, and 64 for each event. They come on top of `maxEvents`,
   * `maxDataLength` and `maxAgeMs`, which do not concern such a topic. Its producer gets `TopicFullError`.
   *
   * @defaultValue 8 388 608 (8 MiB)
   */
  readonly maxHeldBytesPerTopic?: number | undefined
  /**
   * The same for all running and ended topics together. Where it is reached, ended topics expire, the oldest first, and then
   * producers get `TopicFullError`.
   *
   * @defaultValue 67 108 864 (64 MiB)
   */
  readonly maxHeldBytes?: number | undefined
  /** Producers whose numbers are known, each with its last 1024 batches. @defaultValue 100 000 */
  readonly maxProducers?: number | undefined
  /** Milliseconds for which a producer that publishes nothing is known. @defaultValue 86 400 000, a day */
  readonly producerTtlMs?: number | undefined
  /**
   * How many bytes of events this process holds for readers: the newest, and what was read lately. 0 holds nothing.
   *
   * @defaultValue 33 554 432 (32 MiB)
   */
  readonly maxCachedBytes?: number | undefined
  /** Milliseconds between two rounds of maintenance: leases, what is over, the file's place. @defaultValue 1000 */
  readonly syncIntervalMs?: number | undefined
  /**
   * Milliseconds after which a process that has died, or stands still, loses the topics it runs: another process ends them as
   * failed. At least three times `syncIntervalMs`.
   *
   * @defaultValue 15 000
   */
  readonly leaseMs?: number | undefined
  /** Gets errors that no caller would get: of maintenance, and of a file that was replaced. @defaultValue `console.error` */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Clock, timers and randomness, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

type Limits = Omit<SqliteLogOptions, 'path' | 'synchronous' | 'onError' | 'runtime'>

export interface Settings extends Readonly<Record<keyof Limits, number>> {
  readonly path: string
  readonly synchronous: 'normal' | 'full'
  readonly onError: (error: unknown) => void
  readonly runtime: Runtime
}

// The longest delay that setTimeout takes. A longer one fires at once.
const maxTimerMs = 2_147_483_647

// What the empty tables take, and some events.
const leastFileBytes = 262_144
const mostEvents = 100_000_000
const largest = Number.MAX_SAFE_INTEGER

const optionNames: Readonly<Record<keyof SqliteLogOptions, true>> = {
  path: true,
  maxEvents: true,
  maxDataLength: true,
  maxFileBytes: true,
  maxAgeMs: true,
  synchronous: true,
  commandTimeoutMs: true,
  maxPendingEvents: true,
  maxPendingBytes: true,
  maxHeldBytesPerTopic: true,
  maxHeldBytes: true,
  maxProducers: true,
  producerTtlMs: true,
  maxCachedBytes: true,
  syncIntervalMs: true,
  leaseMs: true,
  onError: true,
  runtime: true,
}

/** @throws {@link OptionError} */
export function settingsOf(options: SqliteLogOptions): Settings {
  if (typeof options !== 'object' || options === null) throw new OptionError('options', options, 'an object')
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(optionNames, name))
  if (unknown !== undefined) throw new OptionError(unknown, Reflect.get(options, unknown), 'a known option')
  const syncIntervalMs = integer('syncIntervalMs', options.syncIntervalMs, 1000, 10, maxTimerMs)
  return {
    path: pathOf(options.path),
    maxEvents: integer('maxEvents', options.maxEvents, 10_000, 1, mostEvents),
    maxDataLength: integer('maxDataLength', options.maxDataLength, 67_108_864, 1, largest),
    maxAgeMs: integer('maxAgeMs', options.maxAgeMs, 600_000, 0, largest),
    maxFileBytes: integer('maxFileBytes', options.maxFileBytes, largest, leastFileBytes, largest),
    synchronous: choice(options.synchronous),
    commandTimeoutMs: integer('commandTimeoutMs', options.commandTimeoutMs, 5000, 1, maxTimerMs),
    maxPendingEvents: integer('maxPendingEvents', options.maxPendingEvents, 10_000, 1, mostEvents),
    maxPendingBytes: integer('maxPendingBytes', options.maxPendingBytes, 67_108_864, 1, largest),
    maxHeldBytesPerTopic: integer(
      'maxHeldBytesPerTopic',
      options.maxHeldBytesPerTopic,
      8_388_608,
      1,
      largest,
    ),
    maxHeldBytes: integer('maxHeldBytes', options.maxHeldBytes, 67_108_864, 1, largest),
    maxProducers: integer('maxProducers', options.maxProducers, 100_000, 1, mostEvents),
    producerTtlMs: integer('producerTtlMs', options.producerTtlMs, 86_400_000, 1, largest),
    maxCachedBytes: integer('maxCachedBytes', options.maxCachedBytes, 33_554_432, 0, largest),
    syncIntervalMs,
    leaseMs: integer(
      'leaseMs',
      options.leaseMs,
      Math.max(15_000, 3 * syncIntervalMs),
      3 * syncIntervalMs,
      maxTimerMs,
    ),
    onError: errorReporter(options.onError),
    runtime: options.runtime ?? systemRuntime,
  }
}

function pathOf(value: string): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw new OptionError('path', value, 'the path of a file')
  }
  // SQLite's names for databases that are not files, or that are given by a URI.
  if (value === ':memory:' || value.startsWith('file:')) {
    throw new OptionError('path', value, 'the path of a file (for a log in memory there is memoryLog)')
  }
  // The process may change its directory later.
  const path = resolve(value)
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new OptionError('path', value, `a file in a directory that exists (${dirname(path)} does not)`)
  }
  return path
}

function integer(
  option: string,
  value: number | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return fallback
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new OptionError(option, value, `an integer from ${least} to ${most}`)
  }
  return value
}

function choice(value: SqliteLogOptions['synchronous']): 'normal' | 'full' {
  if (value !== undefined && value !== 'normal' && value !== 'full') {
    throw new OptionError('synchronous', value, `one of 'normal', 'full'`)
  }
  return value ?? 'normal'
}

function errorReporter(listener: SqliteLogOptions['onError']): (error: unknown) => void {
  if (listener !== undefined && typeof listener !== 'function') {
    throw new OptionError('onError', listener, 'a function')
  }
  /* oxlint-disable no-console -- the last resort */
  if (listener === undefined) return (error) => console.error(error)
  const report = async (error: unknown): Promise<void> => {
    try {
      // It may be asynchronous, whatever its type says: a rejection would end the process.
      await (listener(error) as unknown)
    } catch (failure) {
      console.error(failure)
    }
  }
  return (error) => void report(error)
  /* oxlint-enable no-console */
}
