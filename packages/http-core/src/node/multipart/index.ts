export { MultipartError } from '../../errors/multipart-error.ts'
export type { MultipartErrorCode } from '../../errors/multipart-error.ts'
export { readMultipart } from './read-multipart.ts'
export type { MultipartFile, MultipartLimits, MultipartPart, MultipartText } from './parts.ts'
