import { statSync } from 'node:fs'
import { checkBatch, checkTopic, heldBytesOf, HubClosedError } from '@sse-toolkit/sse-server'
import type {
  Appended,
  AppendOptions,
  ControlEntry,
  ControlOptions,
  EventLog,
  LoggedEvent,
  LogPage,
  LogTailListener,
  Position,
  ProducerSequence,
  TopicPattern,
  TopicState,
  TopicStatus,
} from '@sse-toolkit/sse-server'
import { EventWindow } from './cache/event-window.ts'
import { loadWindow } from './cache/load-window.ts'
import { LogUnavailableError } from './errors/log-unavailable-error.ts'
import { Checkpoints } from './file/checkpoints.ts'
import { LogFile } from './file/log-file.ts'
import { walOf } from './file/open-file.ts'
import { failureOf } from './file/sqlite-failure.ts'
import type { LogBell } from './follow/bell.ts'
import { Follower } from './follow/follower.ts'
import { Lookout } from './follow/lookout.ts'
import { Watch } from './follow/watch.ts'
import { openBell, systemHost } from './host.ts'
import type { LogHost } from './host.ts'
import { FailureReporter } from './lifecycle/failure-reporter.ts'
import { Leases } from './lifecycle/leases.ts'
import { Maintenance } from './lifecycle/maintenance.ts'
import { settingsOf } from './options.ts'
import type { Settings, SqliteLogOptions } from './options.ts'
import { randomWord } from './random-word.ts'
import { LogReads } from './read/log-reads.ts'
import { append, appendBatch } from './write/appending.ts'
import { controlsOf, writeControl } from './write/controls.ts'
import { cancel, claim, end } from './write/finite-topics.ts'
import { removeOwner } from './write/owners.ts'
import type { Transaction } from './write/transaction.ts'
import { WriteQueue } from './write/write-queue.ts'

/** What a log is at the moment. */
export interface SqliteLogStats {
  /** Events that the log holds, without those that only running and ended topics hold. */
  readonly events: number
  /** Bytes that running and ended topics hold. See {@link SqliteLogOptions.maxHeldBytes}. */
  readonly heldBytes: number
  /** The size of the file, and of its write-ahead log. */
  readonly fileBytes: number
  readonly walBytes: number
  /** Milliseconds since this process last wrote the whole write-ahead log to the file, or since it was opened. */
  readonly checkpointAgeMs: number
  /** Bytes of events that this process holds for readers. See {@link SqliteLogOptions.maxCachedBytes}. */
  readonly cachedBytes: number
  /** Events that wait to be appended. See {@link SqliteLogOptions.maxPendingEvents}. */
  readonly pendingEvents: number
  /** And their bytes. See {@link SqliteLogOptions.maxPendingBytes}. */
  readonly pendingBytes: number
}

/** A log in a file, which all processes of one machine can share. */
export interface SqliteLog extends EventLog {
  /** @throws {@link LogFileError} */
  stats(): SqliteLogStats
}

/**
 * A hub's log in a file, on Node's built-in `node:sqlite`: a restart loses nothing, and all processes of one machine share
 * it.
 *
 * The file is opened, checked and, if need be, created at once.
 *
 * @throws `OptionError` of sse-server if an option is invalid; {@link LogFileError} if the log cannot be kept in this file.
 * @example
 * ```ts no-run
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { sqliteLog } from '@sse-toolkit/sse-sqlite'
 *
 * const log = sqliteLog({ path: 'events.db' })
 * const hub = createHub({ log })
 * await hub.publish('orders.42', { event: 'paid', data: { total: 12 } })
 * await hub.close()
 * await log.close()
 * ```
 */
export function sqliteLog(options: SqliteLogOptions): SqliteLog {
  return openSqliteLog(options, systemHost)
}

/** {@link sqliteLog} on a given host. */
export function openSqliteLog(options: SqliteLogOptions, host: LogHost): SqliteLog {
  return new FileLog(settingsOf(options), host)
}

// How often a read is tried again because the log has begun another epoch.
const maxRestarts = 3

/**
 *     append, claim, end, control --> WriteQueue ----> LogFile ---> the file, its -wal
 *     Maintenance, regularly -------'     |  rings
 *     read, status -> LogReads <----------|-- EventWindow: the newest events
 *     tail <- Follower <- look <- Watch <-'-- Bell: other processes have written
 */
class FileLog implements SqliteLog {
  readonly #settings: Settings
  readonly #owner: string
  readonly #bell: LogBell
  readonly #file: LogFile
  readonly #window: EventWindow
  readonly #follower: Follower
  readonly #reads: LogReads
  readonly #checkpoints: Checkpoints
  readonly #queue: WriteQueue
  readonly #leases: Leases
  readonly #lookout: Lookout
  readonly #watch: Watch
  readonly #maintenance: Maintenance
  #closing: Promise<void> | null = null
  #isClosed = false

  constructor(settings: Settings, host: LogHost) {
    this.#settings = settings
    const { path, runtime } = settings
    const failures = new FailureReporter(settings.onError)
    const owner = randomWord(runtime)
    this.#owner = owner
    const bell = openBell(host, path)
    this.#bell = bell
    try {
      this.#file = new LogFile({ settings, owner, connect: host.connect, witness: () => bell.witness })
    } catch (error) {
      bell.close()
      throw error
    }
    const file = this.#file
    this.#window = new EventWindow(settings.maxCachedBytes)
    // Of one state of the file: what another process commits in between would be neither in the window nor announced.
    this.#follower = file.database.reading(() => {
      const state = file.state()
      loadWindow(this.#window, file.database, state)
      return new Follower(this.#window, state)
    })
    const follower = this.#follower
    this.#reads = new LogReads(file, this.#window, settings)
    this.#checkpoints = new Checkpoints({
      path,
      now: () => runtime.now(),
      startThread: host.startCheckpointThread,
      onError: failures.report,
    })
    this.#queue = new WriteQueue({ settings, file, follower, bell, checkpoints: this.#checkpoints })
    this.#lookout = new Lookout({ file, follower, queue: this.#queue, runtime })
    this.#leases = new Leases({ ...settings, owner })
    this.#watch = new Watch({
      runtime,
      bell,
      look: () => this.#tryToLook(failures, () => this.#lookout.look()),
      lookAgain: () =>
        this.#tryToLook(failures, () => {
          this.#lookout.checkPlace()
          return this.#lookout.look()
        }),
      onError: failures.report,
    })
    this.#maintenance = new Maintenance({
      settings,
      owner,
      file,
      follower,
      failures,
      queue: this.#queue,
      leases: this.#leases,
      look: () => {
        this.#lookout.look()
        bell.checkPlace()
        this.#checkpoints.run(file.database)
      },
    })
    this.#watch.start()
    this.#maintenance.start()
  }

  async append(event: LoggedEvent, options?: AppendOptions): Promise<Position> {
    checkTopic(event.topic)
    return this.#queue.run({
      operation: `append to ${event.topic}`,
      events: 1,
      bytes: heldBytesOf(event),
      isDurable: false,
      apply: (transaction) => append(transaction, event, options),
    })
  }

  async appendBatch(events: readonly LoggedEvent[], producer?: ProducerSequence): Promise<Appended> {
    const topic = checkBatch(events)
    checkTopic(topic)
    return this.#queue.run({
      operation: `append to ${topic}`,
      events: events.length,
      bytes: events.reduce((sum, event) => sum + heldBytesOf(event), 0),
      isDurable: false,
      apply: (transaction) => appendBatch(transaction, events, producer),
    })
  }

  async claim(topic: string): Promise<TopicState> {
    checkTopic(topic)
    const state = await this.#write(`claim ${topic}`, true, (transaction) => claim(transaction, topic))
    if (state === 'open') this.#leases.keep(topic)
    return state
  }

  async end(
    event: LoggedEvent,
    ttlMs: number,
    before: readonly LoggedEvent[] = [],
  ): Promise<Position | undefined> {
    const { topic } = event
    checkTopic(topic)
    const apply = (transaction: Transaction): Position | undefined => end(transaction, event, ttlMs, before)
    const position = await this.#write(`end ${topic}`, true, apply)
    this.#leases.drop(topic)
    return position
  }

  async cancel(topic: string): Promise<TopicState> {
    checkTopic(topic)
    return this.#write(`cancel ${topic}`, false, (transaction) => cancel(transaction, topic))
  }

  async status(topic: string): Promise<TopicStatus> {
    checkTopic(topic)
    return this.#guarded(`look up ${topic}`, () => {
      this.#lookout.lookOnce()
      return this.#reads.status(topic)
    })
  }

  async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    for (let attempt = 0; ; attempt += 1) {
      this.#guarded('read', () => this.#lookout.lookOnce())
      const { epoch } = this.#follower.position
      const page = await this.#reading(patterns, after, limit)
      // A reader is at a position of the epoch that the tails know. If the page is of another one, they get that first.
      if (this.#follower.position.epoch === epoch && this.#file.lastState.epoch === epoch) return page
      if (attempt === maxRestarts) {
        throw new LogUnavailableError('log-unavailable', 'read', 'the log goes on in another epoch.')
      }
    }
  }

  async control(name: string, value: string, options: ControlOptions): Promise<void> {
    await this.#write(`write the control entry ${name}`, false, (transaction) =>
      writeControl(transaction, name, value, options),
    )
  }

  async controls(prefix: string): Promise<readonly ControlEntry[]> {
    return this.#guarded('read control entries', () => {
      this.#lookout.lookOnce()
      return controlsOf(this.#file.database, this.#file.now(), prefix)
    })
  }

  tail(listener: LogTailListener): () => void {
    return this.#follower.listen(listener)
  }

  async head(): Promise<Position> {
    return this.#guarded('look up the head', () => {
      this.#lookout.lookOnce()
      const { epoch, seq } = this.#file.lastState
      return { epoch, seq }
    })
  }

  stats(): SqliteLogStats {
    return this.#guarded('look up the stats', () => {
      const { events, heldBytes } = this.#file.state()
      const { path } = this.#settings
      return {
        events,
        heldBytes,
        fileBytes: sizeOf(path),
        walBytes: sizeOf(walOf(path)),
        checkpointAgeMs: this.#checkpoints.ageMs,
        cachedBytes: this.#window.bytes,
        pendingEvents: this.#queue.events,
        pendingBytes: this.#queue.bytes,
      }
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#maintenance.stop()
    this.#watch.stop()
    this.#follower.stop()
    // What has been asked for is stored, and reaches the disk; what this process runs falls to another at once.
    const closing = this.#write('close', true, ({ database }) => removeOwner(database, this.#owner))
    await Promise.all([closing.catch(this.#settings.onError), this.#queue.close()])
    this.#isClosed = true
    this.#bell.close()
    await this.#checkpoints.close()
    this.#file.close()
  }

  #write<T>(operation: string, isDurable: boolean, apply: (transaction: Transaction) => T): Promise<T> {
    return this.#queue.run({ operation, events: 0, bytes: 0, isDurable, apply })
  }

  #tryToLook(failures: FailureReporter, look: () => boolean): boolean {
    if (this.#isClosed) return false
    try {
      return look()
    } catch (error) {
      failures.report(failureOf(error, this.#settings.path, 'look at the log'))
      return false
    }
  }

  async #reading(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    try {
      return await this.#reads.read(patterns, after, limit)
    } catch (error) {
      throw failureOf(error, this.#settings.path, 'read')
    }
  }

  #guarded<T>(operation: string, act: () => T): T {
    if (this.#isClosed) throw new HubClosedError()
    try {
      return act()
    } catch (error) {
      throw failureOf(error, this.#settings.path, operation)
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
