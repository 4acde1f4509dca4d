/** `'crash-loop'`: workers end before they listen. */
export type WorkerErrorCode = 'crash-loop'

/** The processes of a server cannot be kept running. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  readonly code: WorkerErrorCode
  /** What the last worker ended with. */
  readonly exitCode: number | undefined

  constructor(code: WorkerErrorCode, exitCode: number | undefined) {
    super(`The workers end before they listen, the last one with ${exitCode ?? 'a signal'}`)
    this.code = code
    this.exitCode = exitCode
  }
}
