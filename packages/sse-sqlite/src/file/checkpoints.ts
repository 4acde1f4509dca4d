import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { Database, Query } from './database.ts'
import { walOf } from './open-file.ts'

/**
 * Runs in a worker thread, with its own connection. It is a string, so that bundlers and runtimes need not find a file.
 */
const checkpointProgram = `
Promise.all([import('node:worker_threads'), import('node:sqlite')]).then(([threads, { DatabaseSync }]) => {
  const { parentPort, workerData } = threads
  let database
  parentPort.on('message', () => {
    let failure
    let isWhole = false
    try {
      database ??= new DatabaseSync(workerData.path)
      const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
      for (let attempt = 0; attempt < workerData.attempts && !isWhole; attempt += 1) {
        const { log, checkpointed } = checkpoint.get()
        isWhole = log === checkpointed
      }
    } catch (error) {
      failure = String(error)
    }
    parentPort.postMessage({ failure, isWhole })
  })
})
`

const passiveCheckpoint = 'PRAGMA wal_checkpoint(PASSIVE)' as Query<{ log: number; checkpointed: number }>

// How often the worker tries to catch up with new commits.
const maxAttempts = 8

// From this size on the write-ahead log is written to the file.
const checkpointBytes = 4_194_304
// At this size the main thread does it at once, whatever the other thread is at.
const maxWalBytes = 25_165_824
// How much is committed between two looks at its size.
const bytesPerLook = 262_144

interface Checkpointed {
  readonly failure?: string
  /** Nothing was committed in the meantime: the next commit starts the write-ahead log over. */
  readonly isWhole: boolean
}

export interface CheckpointsOptions {
  readonly path: string
  readonly now: () => number
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
  #worker: Worker | null = null
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
    this.#start(database).postMessage(null, [])
  }

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  /** The file is another one now. */
  restart(): void {
    this.#worker?.terminate().catch(this.#options.onError)
    this.#worker = null
    this.#isRunning = false
  }

  #start(database: Database): Worker {
    if (this.#worker !== null) return this.#worker
    const worker = new Worker(checkpointProgram, {
      eval: true,
      workerData: { path: this.#options.path, attempts: maxAttempts },
    })
    this.#worker = worker
    worker.unref()
    worker.on('message', ({ failure, isWhole }: Checkpointed) => {
      if (worker !== this.#worker) return
      this.#isRunning = false
      if (isWhole) this.#finishedAt = this.#options.now()
      else if (failure === undefined) this.#finish(database)
      else this.#options.onError(new Error(`The checkpoint failed: ${failure}`))
    })
    worker.on('error', (error) => {
      if (worker !== this.#worker) return
      // From now on the main thread does it.
      this.#hasFailed = true
      this.#isRunning = false
      this.#options.onError(error)
    })
    return worker
  }

  #finish(database: Database): void {
    const result = database.get(passiveCheckpoint)
    if (result?.log === result?.checkpointed) this.#finishedAt = this.#options.now()
  }
}
