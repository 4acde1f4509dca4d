/**
 * What is wrong with the file.
 *
 * - `corrupt`: it is damaged, or not a database. Restore a backup, or move it away and begin with an empty log.
 * - `other-version`: another release of this package wrote it, or it is the database of another program. Nothing was written.
 * - `network-file-system`: it is on a file system that several machines mount. SQLite's locks and shared memory do not hold
 *   there.
 * - `replaced`: it was deleted, moved or overwritten while the log was open. The log goes on in the file that is there now,
 *   in a new epoch. This one is only reported to `onError`.
 * - `cannot-open`: it could not be opened, or not be written (see `cause`).
 */
export type LogFileErrorCode =
  | 'corrupt'
  | 'other-version'
  | 'network-file-system'
  | 'replaced'
  | 'cannot-open'

/** The log cannot be kept in this file. */
export class LogFileError extends Error {
  override readonly name = 'LogFileError'
  readonly code: LogFileErrorCode
  readonly path: string

  constructor(code: LogFileErrorCode, path: string, fact: string, options?: ErrorOptions) {
    super(`${path}: ${fact}`, options)
    this.code = code
    this.path = path
  }
}
