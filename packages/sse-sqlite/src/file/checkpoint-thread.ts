import { Worker } from 'node:worker_threads'

interface Checkpointed {
  readonly failure?: string | undefined
  /** Nothing was committed in the meantime: the next commit starts the write-ahead log over. */
  readonly isWhole: boolean
}

interface CheckpointListener {
  /** A checkpoint that was begun is over. */
  readonly finished: (checkpointed: Checkpointed) => void
  /** The thread has died. */
  readonly failed: (error: unknown) => void
}

/** Writes the write-ahead log to the file, with a connection of its own. */
export interface CheckpointThread {
  /** Begins a checkpoint. Only one runs at a time. */
  begin(): void
  stop(): Promise<unknown>
}

export type StartCheckpointThread = (path: string, listener: CheckpointListener) => CheckpointThread

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

// How often the worker tries to catch up with new commits.
const maxAttempts = 8

export const startCheckpointThread: StartCheckpointThread = (path, { finished, failed }) => {
  const worker = new Worker(checkpointProgram, { eval: true, workerData: { path, attempts: maxAttempts } })
  worker.unref()
  worker.on('message', (checkpointed: Checkpointed) => finished(checkpointed))
  worker.on('error', failed)
  return {
    begin: () => worker.postMessage(null, []),
    stop: () => worker.terminate(),
  }
}
