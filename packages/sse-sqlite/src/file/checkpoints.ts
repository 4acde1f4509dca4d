import { statSync } from 'node:fs'
import type { CheckpointThread, StartCheckpointThread } from './checkpoint-thread.ts'
import type { Database, Query } from './database.ts'
import { walOf } from './open-file.ts'

const passiveCheckpoint = 'PRAGMA wal_checkpoint(PASSIVE)' as Query<{ log: number; checkpointed: number }>

// From this size on the write-ahead log is written to the file.
const checkpointBytes = 4_194_304
// At this size the main thread does it at once, whatever the other thread is at.
const maxWalBytes = 25_165_824
// How much is committed between two looks at its size.
const bytesPerLook = 262_144

export interface CheckpointsOptions {
  readonly path: string
  readonly now: () => number
  readonly startThread: StartCheckpointThread
  readonly onError: (error: unknown) => void
}

/**
 * Writes what the write-ahead log holds to the file.
 *
 *     worker   |-- PASSIVE: writes pages, syncs ------|
 *     worker                                        again, until nothing is committed in the meantime
 *     main     commit commit commit commit commit ...............................; the next commit starts the log over
 *
 * In the main thread all of it would stall the event loop. Only if commits follow each other so closely that there is
 * always one that the worker has not seen does the main thread write the last few pages itself.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions
  #thread: CheckpointThread | null = null
  #isRunning = false
  #hasFailed = false
  #unseenBytes = 0
  #finishedAt: number

  constructor(options: CheckpointsOptions) {
    this.#options = options
    this.#finishedAt = options.now()
  }

  /** Milliseconds since all that had been stored was last written to the file itself. */
  get ageMs(): number {
    return this.#options.now() - this.#finishedAt
  }

  /** So many bytes of events have been committed. */
  committed(bytes: number, database: Database): void {
    this.#unseenBytes += bytes
    if (this.#unseenBytes < bytesPerLook) return
    this.#unseenBytes = 0
    this.run(database)
  }

  /** Writes to the file if there is enough to write. */
  run(database: Database): void {
    const bytes = statSync(walOf(this.#options.path), { throwIfNoEntry: false })?.size ?? 0
    if (bytes < checkpointBytes) return
    if (bytes >= maxWalBytes || this.#hasFailed) this.#finish(database)
    if (this.#isRunning || this.#hasFailed) return
    this.#isRunning = true
    this.#start(database).begin()
  }

  async close(): Promise<void> {
    const thread = this.#thread
    this.#thread = null
    await thread?.stop()
  }

  /** The file is another one now. */
  restart(): void {
    this.#thread?.stop().catch(this.#options.onError)
    this.#thread = null
    this.#isRunning = false
  }

  #start(database: Database): CheckpointThread {
    if (this.#thread !== null) return this.#thread
    const thread = this.#options.startThread(this.#options.path, {
      finished: ({ failure, isWhole }) => {
        if (thread !== this.#thread) return
        this.#isRunning = false
        if (isWhole) this.#finishedAt = this.#options.now()
        else if (failure === undefined) this.#finish(database)
        else this.#options.onError(new Error(`The checkpoint failed: ${failure}`))
      },
      failed: (error) => {
        if (thread !== this.#thread) return
        // From now on the main thread does it.
        this.#hasFailed = true
        this.#isRunning = false
        this.#options.onError(error)
      },
    })
    this.#thread = thread
    return thread
  }

  #finish(database: Database): void {
    const result = database.get(passiveCheckpoint)
    if (result?.log === result?.checkpointed) this.#finishedAt = this.#options.now()
  }
}
