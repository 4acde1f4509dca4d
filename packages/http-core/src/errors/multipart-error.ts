/**
 * - `'not-multipart'` (415): the content type is not `multipart/form-data` with a boundary.
 * - `'malformed'` (400): the content is not a valid form, or ends too soon.
 * - `'too-many-parts'`, `'field-too-large'`, `'file-too-large'` (413): the form exceeds a limit.
 */
export type MultipartErrorCode =
  | 'not-multipart'
  | 'malformed'
  | 'too-many-parts'
  | 'field-too-large'
  | 'file-too-large'

/** Says why a form cannot be read. It is the `cause` of the HttpError that reading the form throws. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError'
  readonly code: MultipartErrorCode
  /** The limit that the form exceeds, if it exceeds one. */
  readonly limit: number | undefined

  constructor(code: MultipartErrorCode, text: string, limit?: number, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause })
    this.code = code
    this.limit = limit
  }
}
