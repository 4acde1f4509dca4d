/**
 * - `'not-multipart'` (415): the content type is not `multipart/form-data` with a boundary.
 * - `'malformed'` (400): the content is not what its type says, or ends too soon.
 * - `'too-many-parts'`, `'field-too-large'`, `'file-too-large'` (413): a limit.
 */
export type MultipartErrorCode =
  | 'not-multipart'
  | 'malformed'
  | 'too-many-parts'
  | 'field-too-large'
  | 'file-too-large'

/** Why a form cannot be read: the `cause` of the HttpError that its reader throws. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError'
  readonly code: MultipartErrorCode
  /** The limit that was passed, if one was. */
  readonly limit: number | undefined

  constructor(code: MultipartErrorCode, text: string, limit?: number, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause })
    this.code = code
    this.limit = limit
  }
}
