/** The disk is full, or the file may not grow any more. Nothing was stored. Readers still get what the log holds. */
export class LogFullError extends Error {
  override readonly name = 'LogFullError'
  readonly code = 'log-full'
  readonly path: string

  constructor(path: string, options?: ErrorOptions) {
    super(
      `${path}: there is no room for more on the disk. Make room, or lower maxEvents or maxDataLength.`,
      options,
    )
    this.path = path
  }
}
