/** `'crash-loop'`: five workers in a row ended before they listened. */
export type WorkerErrorCode = 'crash-loop'

/** {@link runWorkers} gave up, because its workers keep ending. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  readonly code: WorkerErrorCode
  /** The exit code of the last worker; undefined if a signal ended it. */
  readonly exitCode: number | undefined

  constructor(code: WorkerErrorCode, exitCode: number | undefined) {
    super(
      `The workers end before they listen. Exit code of the last worker: ${exitCode ?? 'none, a signal ended it'}`,
    )
    this.code = code
    this.exitCode = exitCode
  }
}
