import { HttpError } from '../../errors/http-error.ts'
import { MultipartError } from '../../errors/multipart-error.ts'
import type { MultipartErrorCode } from '../../errors/multipart-error.ts'

const statuses: Readonly<Record<MultipartErrorCode, number>> = {
  'not-multipart': 415,
  malformed: 400,
  'too-many-parts': 413,
  'field-too-large': 413,
  'file-too-large': 413,
}

/** Creates the HttpError for a form that cannot be read. Its `cause` is a MultipartError. */
export function failure(code: MultipartErrorCode, text: string, limit?: number, cause?: unknown): HttpError {
  return new HttpError(statuses[code], text, { cause: new MultipartError(code, text, limit, cause) })
}
