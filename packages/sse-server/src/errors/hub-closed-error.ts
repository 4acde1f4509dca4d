/** The hub, or its log, was closed before it was asked for this. */
export class HubClosedError extends Error {
  override readonly name = 'HubClosedError'
  readonly code = 'hub-closed'

  constructor() {
    super('The hub is closed')
  }
}
