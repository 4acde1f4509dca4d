import type { Runtime } from '@sse-toolkit/sse-server'
import { LogFileError } from '../errors/log-file-error.ts'
import type { Settings } from '../options.ts'
import { beginEpoch } from '../write/epochs.ts'
import { LogClock } from '../write/log-clock.ts'
import { removeAllOwners } from '../write/owners.ts'
import { Transaction } from '../write/transaction.ts'
import type { Connection, Database } from './database.ts'
import { currentBoot, isSameBoot, lastingIdentity } from './file-identity.ts'
import { createState, readState, saveState } from './log-state.ts'
import type { LogState } from './log-state.ts'
import { openFile, stopWaiting } from './open-file.ts'
import type { OpenFile } from './open-file.ts'
import { corruptFile, failureOf } from './sqlite-failure.ts'

/** What a process has seen of a log, apart from its file. */
export interface Witness {
  readonly epoch: string
  readonly seq: number
}

export interface LogFileOptions {
  readonly settings: Settings
  /** This process, as an owner of topics. */
  readonly owner: string
  /** How far the log is known to have been, by what is kept outside its file. */
  readonly witness: () => Witness | undefined
  readonly connect: (path: string) => Connection
}

/** The file, what it says about the log, and the transactions on it. */
export class LogFile {
  readonly #options: LogFileOptions
  readonly #clock: LogClock
  #file: OpenFile
  #state: LogState | undefined
  #version = 0
  #isDurable = false
  #transaction: Transaction | null = null

  /** @throws {@link LogFileError}, {@link OptionError} */
  constructor(options: LogFileOptions) {
    this.#options = options
    this.#clock = new LogClock(options.settings.runtime)
    this.#file = this.#open()
  }

  get database(): Database {
    return this.#file.database
  }

  /** The state of the log, whichever process wrote it last. */
  state(): LogState {
    const version = this.database.version()
    if (this.#state === undefined || version !== this.#version) {
      this.#state = readState(this.database)
      this.#version = version
    }
    if (this.#state === undefined) throw corruptFile(this.#options.settings.path, 'The log has no state.')
    return this.#state
  }

  /** What the log was when this process looked at it last. */
  get lastState(): LogState {
    return this.#state ?? this.state()
  }

  /** The log's time. */
  now(): number {
    return this.#clock.now(this.#state?.clock ?? 0)
  }

  get isInPlace(): boolean {
    return this.#file.isInPlace()
  }

  /** The path leads to another file, or to none. */
  reopen(): void {
    const { path, onError } = this.#options.settings
    onError(
      new LogFileError(
        'replaced',
        path,
        'the file was deleted, moved or overwritten while the log was open. The log goes on in the file that is there now, and readers get a gap.',
      ),
    )
    const before = this.#file
    this.#state = undefined
    this.#file = this.#open()
    before.database.close()
  }

  /**
   * Begins to write. No other process writes until it is over.
   *
   * @param isDurable - Whether the disk has to confirm it.
   */
  begin(isDurable: boolean): Transaction {
    if (isDurable !== this.#isDurable) {
      this.database.execute(`PRAGMA synchronous = ${isDurable ? 'FULL' : 'NORMAL'}`)
      this.#isDurable = isDurable
    }
    this.database.run('BEGIN IMMEDIATE')
    try {
      return this.#begun()
    } catch (error) {
      this.rollBack()
      throw error
    }
  }

  commit(): void {
    const transaction = this.#transaction
    if (transaction === null) return
    transaction.finish()
    transaction.state.isSynced = this.#isDurable ? 1 : 0
    saveState(this.database, transaction.state)
    this.database.run('COMMIT')
    this.#state = transaction.state
    this.#transaction = null
  }

  rollBack(): void {
    this.#transaction = null
    this.database.rollBack()
  }

  close(): void {
    this.database.close()
  }

  #begun(): Transaction {
    const { settings, owner } = this.#options
    const state = { ...this.state() }
    const now = this.#clock.now(state.clock)
    this.#transaction = new Transaction(this.database, settings, state, now, owner)
    return this.#transaction
  }

  #open(): OpenFile {
    const { settings, witness, connect } = this.#options
    const { path, maxFileBytes, onError } = settings
    const file = openFile({ path, maxFileBytes, connect, warn: onError })
    this.#file = file
    this.#isDurable = false
    try {
      file.database.run('BEGIN IMMEDIATE')
      this.#state = readState(file.database) ?? createState(file.database)
      this.#version = file.database.version()
      this.#settle(this.#begun(), witness(), settings.runtime)
      this.commit()
      stopWaiting(file.database)
    } catch (error) {
      file.database.close()
      throw failureOf(error, path, 'open the log')
    }
    return file
  }

  /** Finds out whether the file has all that was acknowledged. If it may lack something, a new epoch begins. */
  #settle(transaction: Transaction, witness: Witness | undefined, runtime: Runtime): void {
    const { state } = transaction
    const boot = currentBoot(runtime)
    const file = lastingIdentity(this.#file.identity)
    const seen = witness?.epoch === state.epoch ? witness.seq : 0
    const isSameRun = isSameBoot(state.boot, boot)
    const isNew = state.epoch === ''
    const isCopy = state.file !== file
    // What had not reached the disk by then may be gone, and nothing in the file shows that.
    const lacksItsNewest = !isSameRun && state.isSynced === 0
    if (!isSameRun) removeAllOwners(this.database)
    if (isNew || isCopy || lacksItsNewest || seen > state.seq) beginEpoch(transaction, seen)
    state.boot = boot
    state.file = file
  }
}
