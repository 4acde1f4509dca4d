/** The disk is full, or the file has reached its greatest size. Nothing was stored. Readers still get what the log holds. */
export class LogFullError extends Error {
  override readonly name = 'LogFullError'
  readonly code = 'log-full'
  readonly path: string

  constructor(path: string, options?: ErrorOptions) {
    super(`${path}: the disk is full. Make room, or lower maxEvents or maxDataLength.`, options)
    this.path = path
  }
}
