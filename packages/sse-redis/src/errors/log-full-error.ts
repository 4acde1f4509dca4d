/** Redis has reached its `maxmemory`. Nothing was stored. */
export class LogFullError extends Error {
  override readonly name = 'LogFullError'
  readonly code = 'log-full'

  constructor(options?: ErrorOptions) {
    super('Redis has reached its maxmemory and stores nothing more. Raise it, or lower maxEvents.', options)
  }
}
