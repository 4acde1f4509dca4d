import { HubClosedError } from '@sse-toolkit/sse-server'
import { Deque } from '../cache/deque.ts'
import { LogFullError } from '../errors/log-full-error.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import type { Checkpoints } from '../file/checkpoints.ts'
import type { LogFile } from '../file/log-file.ts'
import { failureOf, isBusy, isDatabaseError } from '../file/sqlite-failure.ts'
import type { LogBell } from '../follow/bell.ts'
import type { Follower } from '../follow/follower.ts'
import type { Settings } from '../options.ts'
import { beginEpoch } from './epochs.ts'
import { trim } from './retention.ts'
import { sweep } from './sweeping.ts'
import type { Transaction } from './transaction.ts'

/** Something to write, together with whatever else the turn has to write. */
export interface Write<T> {
  /** What it is, such as `append to orders.42`. */
  readonly operation: string
  /** How many events it has, and their bytes. */
  readonly events: number
  readonly bytes: number
  /** Whether the disk has to confirm it, however the log is set. */
  readonly isDurable: boolean
  /** Throws before it has written anything, or not at all. */
  readonly apply: (transaction: Transaction) => T
}

interface Pending extends Write<unknown> {
  readonly since: number
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Outcome {
  readonly pending: Pending
  readonly settle: () => void
}

export interface WriteQueueOptions {
  readonly settings: Settings
  readonly file: LogFile
  readonly follower: Follower
  readonly bell: LogBell
  readonly checkpoints: Checkpoints
}

// How many events one transaction has: more would make the turn long.
const eventsPerTurn = 1000
// Another process has the lock: it is tried again so much later. Waiting within SQLite would stop the event loop.
const retryMs = 1
// What a page and its header take in the write-ahead log, roughly, besides the events.
const bytesPerTransaction = 8192

/**
 * What this process has to write, in one transaction for each turn of the event loop:
 *
 *     begin -> take up what others wrote -> apply each -> trim, at most a little -> commit -> ring -> tell, resolve
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  readonly #waiting = new Deque<Pending>()
  #events = 0
  #bytes = 0
  #isScheduled = false
  #isClosed = false
  #hasMoreToTrim = false
  // Together they did not fit: one at a time, what does fit is stored.
  #isSingle = false
  #onIdle: (() => void) | undefined

  constructor(options: WriteQueueOptions) {
    this.#options = options
  }

  get events(): number {
    return this.#events
  }

  get bytes(): number {
    return this.#bytes
  }

  run<T>(write: Write<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new HubClosedError())
    const { settings } = this.#options
    const isTooMuch =
      this.#events + write.events > settings.maxPendingEvents ||
      this.#bytes + write.bytes > settings.maxPendingBytes
    if (write.events > 0 && this.#events > 0 && isTooMuch) {
      const fact = `${this.#events} events of ${this.#bytes} bytes are waiting already (maxPendingEvents, maxPendingBytes).`
      return Promise.reject(new LogUnavailableError('too-many-pending', write.operation, fact))
    }
    return new Promise<T>((resolve, reject) => {
      this.#events += write.events
      this.#bytes += write.bytes
      this.#waiting.push({
        ...write,
        since: settings.runtime.now(),
        resolve: resolve as (result: unknown) => void,
        reject,
      })
      this.#schedule()
    })
  }

  /** Trims gradually what there is to trim, although there are no writes. */
  trimNow(): void {
    this.#hasMoreToTrim = true
    this.#schedule()
  }

  /** The path leads to another file now. */
  reopen(): void {
    this.#options.checkpoints.restart()
    this.#options.file.reopen()
  }

  /** Takes nothing more. Resolves when all that waits is stored, or was refused. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#hasMoreToTrim = false
    if (this.#waiting.size === 0) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#options.settings.runtime.endOfTurn(() => this.#turn())
  }

  #turn(): void {
    this.#isScheduled = false
    if (this.#waiting.size === 0 && !this.#hasMoreToTrim) return
    const { follower } = this.#options
    const batch = this.#nextBatch()
    let outcomes: readonly Outcome[]
    try {
      outcomes = this.#write(batch)
    } catch (error) {
      follower.tell()
      this.#failed(error, batch)
      return
    }
    follower.tell()
    for (const { settle } of outcomes) settle()
    this.#goOn()
  }

  #goOn(): void {
    if (this.#waiting.size > 0 || this.#hasMoreToTrim) {
      this.#schedule()
      return
    }
    this.#isSingle = false
    this.#onIdle?.()
  }

  /** The writes that are taken on stay in the queue until they are stored. */
  #write(batch: readonly Pending[]): readonly Outcome[] {
    const { bell, checkpoints, file, follower, settings } = this.#options
    if (!file.isInPlace) this.reopen()
    const isDurable = settings.synchronous === 'full' || batch.some((each) => each.isDurable)
    const transaction = file.begin(isDurable)
    // No other process should have to wait while this one catches up.
    if (!follower.isNear(transaction.state)) {
      file.rollBack()
      file.database.reading(() => follower.follow(file.database, file.state(), file.now()))
      return []
    }
    let outcomes: readonly Outcome[]
    try {
      this.#catchUp(transaction)
      outcomes = batch.map((pending) => applied(pending, transaction))
      const hasMoreToSweep = sweep(transaction)
      this.#hasMoreToTrim = (trim(transaction) || hasMoreToSweep) && !this.#isClosed
      file.commit()
    } catch (error) {
      file.rollBack()
      throw error
    }
    let bytes = bytesPerTransaction
    for (const pending of batch) {
      bytes += pending.bytes
      this.#remove(pending)
    }
    follower.stored(transaction)
    bell.ring(transaction.state.epoch, transaction.state.seq)
    checkpoints.committed(bytes, file.database)
    return outcomes
  }

  #catchUp(transaction: Transaction): void {
    const { file, follower } = this.#options
    const { state, now } = transaction
    // An older file has taken the place of the one that this process knows.
    if (follower.isAheadOf(state)) beginEpoch(transaction, follower.position.seq)
    else while (!follower.follow(file.database, state, now));
  }

  #nextBatch(): readonly Pending[] {
    const batch: Pending[] = []
    let events = 0
    for (let index = 0; index < this.#waiting.size; index += 1) {
      const pending = this.#waiting.at(index)
      if (pending === undefined) break
      events += pending.events
      if (batch.length > 0 && (events > eventsPerTurn || this.#isSingle)) break
      batch.push(pending)
    }
    return batch
  }

  #remove(pending: Pending): void {
    this.#waiting.shift()
    this.#events -= pending.events
    this.#bytes -= pending.bytes
  }

  #failed(error: unknown, batch: readonly Pending[]): void {
    const { runtime, path, commandTimeoutMs, onError } = this.#options.settings
    const [first] = batch
    if (isBusy(error) && (first === undefined || runtime.now() - first.since < commandTimeoutMs)) {
      this.#isScheduled = true
      holdOpen(runtime.setTimeout(() => this.#turn(), retryMs))
      return
    }
    // The next round of maintenance comes back to it.
    this.#hasMoreToTrim = false
    if (first === undefined) onError(failureOf(error, path, 'trim the log'))
    if (batch.length > 1 && failureOf(error, path, '') instanceof LogFullError) this.#isSingle = true
    else {
      for (const pending of batch) {
        this.#remove(pending)
        pending.reject(failureOf(error, path, pending.operation))
      }
    }
    this.#goOn()
  }
}

/** A process must not end while something waits to be stored, though nothing else holds it open. */
function holdOpen(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'ref' in timer && typeof timer.ref === 'function')
    timer.ref()
}

/** What is wrong with one write concerns no other. */
function applied(pending: Pending, transaction: Transaction): Outcome {
  try {
    const result = pending.apply(transaction)
    return { pending, settle: () => pending.resolve(result) }
  } catch (error) {
    // Errors of the database are not the write's own: the transaction is over.
    if (isDatabaseError(error)) throw error
    return { pending, settle: () => pending.reject(error) }
  }
}
