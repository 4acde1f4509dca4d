import { failure } from './failure.ts'
import { readParameters } from './parameters.ts'

/** The facts from the header fields of a part. */
export interface PartHead {
  readonly name: string
  /** Undefined for text. */
  readonly filename: string | undefined
  readonly mediaType: string
  readonly charset: string
}

/**
 * The limits for the number and the total size of the header fields of a part; then 413. The parser gets twice these limits,
 * because it silently drops what exceeds its own.
 */
const maxFields = 32
const maxHeadBytes = 16_384
export const parserLimits: { readonly maxHeaderPairs: number; readonly maxHeaderSize: number } = {
  maxHeaderPairs: maxFields * 2,
  maxHeaderSize: maxHeadBytes * 2,
}

const maxNameBytes = 255

/**
 * Reads the fields of a part. If the part cannot be identified, the whole form fails, because skipping a part would change
 * the meaning of the form.
 *
 * @param fields - Values by name in lower case, with one character per byte.
 * @throws {@link HttpError} 400 if the part has no `Content-Disposition: form-data` with a name, if that field is ambiguous,
 *   or if a name contains a NUL; 413 if a limit is exceeded.
 * @see https://www.rfc-editor.org/rfc/rfc7578#section-4.2
 */
export function readPartHead(fields: Readonly<Record<string, readonly string[]>>): PartHead {
  checkSize(fields)
  const [disposition, another] = fields['content-disposition'] ?? []
  if (disposition === undefined) throw failure('malformed', 'A part of the form has no Content-Disposition.')
  const { value: kind, parameters, rest } = readParameters(disposition)
  if (another !== undefined || rest !== 'none') {
    throw failure('malformed', 'The Content-Disposition of a part is ambiguous.')
  }
  const name = parameters.get('name')
  if (kind !== 'form-data' || name === undefined) {
    throw failure('malformed', 'A part of the form is not form-data with a name.')
  }
  if (Buffer.byteLength(name) > maxNameBytes) {
    throw failure('field-too-large', `A name is longer than ${maxNameBytes} bytes.`, maxNameBytes)
  }
  const [type = 'text/plain'] = fields['content-type'] ?? []
  const { value: mediaType, parameters: typeParameters } = readParameters(type)
  const given = extendedName(parameters.get('filename*')) ?? parameters.get('filename')
  // A part of bytes without a file name is a file with an empty name.
  const filename = given ?? (mediaType === 'application/octet-stream' ? '' : undefined)
  if (/\0/.test(name) || (filename !== undefined && /\0/.test(filename))) {
    throw failure('malformed', 'A name in the form contains a NUL.')
  }
  return {
    name,
    filename: filename === undefined ? undefined : baseName(filename),
    mediaType: mediaType === '' ? 'text/plain' : mediaType,
    charset: typeParameters.get('charset') ?? 'utf-8',
  }
}

function checkSize(fields: Readonly<Record<string, readonly string[]>>): void {
  let count = 0
  let size = 0
  for (const [name, values] of Object.entries(fields)) {
    for (const value of values) {
      count += 1
      size += name.length + value.length + ': \r\n'.length
    }
  }
  if (count > maxFields) {
    throw failure('field-too-large', `A part has more than ${maxFields} header fields.`, maxFields)
  }
  if (size > maxHeadBytes) {
    throw failure('field-too-large', `The head of a part is larger than ${maxHeadBytes} bytes.`, maxHeadBytes)
  }
}

/** Decodes `UTF-8''%e2%82%ac.txt` (RFC 8187). RFC 7578 forbids this form, but some clients send it. */
function extendedName(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? '')?.[1]
  if (encoded === undefined) return undefined
  try {
    return decodeURIComponent(encoded)
  } catch (error) {
    throw failure('malformed', 'A file name is not percent-encoded correctly.', undefined, error)
  }
}

/** Removes the path that some clients send with the file name. */
function baseName(filename: string): string {
  const name = filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1)
  return name === '.' || name === '..' ? '' : name
}
