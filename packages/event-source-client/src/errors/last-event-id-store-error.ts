/** The `lastEventIdStore` could not save. The stream goes on; `cause` is what the store threw. */
export class LastEventIdStoreError extends Error {
  override readonly name = 'LastEventIdStoreError'
  readonly code = 'last-event-id-not-saved'
  readonly lastEventId: string

  constructor(lastEventId: string, options?: ErrorOptions) {
    super(`lastEventIdStore did not save ${lastEventId.slice(0, 60)}`, options)
    this.lastEventId = lastEventId
  }
}
