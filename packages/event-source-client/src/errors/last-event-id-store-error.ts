/** The `lastEventIdStore` could not save. The stream goes on; `cause` is what the store threw. */
export class LastEventIdStoreError extends Error {
  override readonly name = 'LastEventIdStoreError'
  readonly code = 'last-event-id-not-saved'
  readonly lastEventId: string

  constructor(lastEventId: string, options?: ErrorOptions) {
    super(`lastEventIdStore.save(${JSON.stringify(lastEventId.slice(0, 60))}) failed`, options)
    this.lastEventId = lastEventId
  }
}
