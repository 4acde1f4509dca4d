/** A Node response that can no longer be answered with, because its head has been sent. */
export class ResponseStateError extends Error {
  override readonly name = 'ResponseStateError'
  readonly code = 'head-sent'

  constructor() {
    super('The response cannot be answered with: its head has been sent already')
  }
}
