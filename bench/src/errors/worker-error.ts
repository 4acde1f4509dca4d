/**
 * - `exited`: the process ended before it answered.
 * - `timed-out`: it did not answer in time, and was killed.
 * - `failed`: what it was asked to do threw.
 */
export type WorkerErrorCode = 'exited' | 'timed-out' | 'failed'

/** A process of a benchmark did not do what it was asked. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  readonly code: WorkerErrorCode
  readonly worker: string

  constructor(code: WorkerErrorCode, worker: string, text: string) {
    super(`${worker}: ${text}`)
    this.code = code
    this.worker = worker
  }
}
