export type InspectionErrorCode =
  /** The order is not what it must be; `message` says which part. */
  | 'invalid-order'
  /** The name leads where no inspection may go. */
  | 'not-allowed'
  /** To something that is not an http URL. */
  | 'bad-redirect'
  | 'too-many-redirects'

/** Why an inspection was not begun, or not gone on with. What the network does wrong is its own error. */
export class InspectionError extends Error {
  override readonly name = 'InspectionError'
  readonly code: InspectionErrorCode

  constructor(code: InspectionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
