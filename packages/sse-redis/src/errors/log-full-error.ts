/** Redis has reached its `maxmemory`. Nothing of the event was stored. */
export class LogFullError extends Error {
  override readonly name = 'LogFullError'
  readonly code = 'log-full'

  constructor(options?: ErrorOptions) {
    super('Redis has reached its maxmemory, and takes nothing more', options)
  }
}
