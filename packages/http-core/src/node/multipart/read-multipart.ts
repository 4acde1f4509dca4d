import { OptionError } from '../../errors/option-error.ts'
import { failure } from './failure.ts'
import { readParameters } from './parameters.ts'
import { PartQueue } from './part-queue.ts'
import type { MultipartLimits, MultipartPart } from './parts.ts'

/**
 * Reads a form part by part, without holding a file in memory: the client waits until you read on. No part is skipped. If a
 * part cannot be read or exceeds a limit, the form ends with an error.
 *
 * @throws {@link HttpError} 400, 413 or 415, with a {@link MultipartError} as its `cause`. The loop throws it; for a file that
 *   is too large, reading the file's content throws it.
 * @throws {@link OptionError} naming the limit.
 * @example
 * ```ts
 * import { readMultipart } from '@sse-toolkit/http-core/multipart'
 *
 * const form = new FormData()
 * form.set('title', 'Notes')
 * const names: string[] = []
 * for await (const part of readMultipart(new Request('http://localhost/', { method: 'POST', body: form }))) {
 *   names.push(part.name)
 * }
 * names // ['title']
 * ```
 * @see https://www.rfc-editor.org/rfc/rfc7578
 */
export async function* readMultipart(
  request: Request,
  limits: MultipartLimits = {},
): AsyncGenerator<MultipartPart, void, undefined> {
  const { maxParts = 100, maxTextBytes = 65_536, maxFileBytes = Infinity } = limits
  for (const [option, value] of Object.entries({ maxParts, maxTextBytes, maxFileBytes })) {
    if (value !== Infinity && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new OptionError(option, value, 'an integer of at least 1, or Infinity')
    }
  }
  const form = new PartQueue(boundaryOf(request), { maxParts, maxTextBytes, maxFileBytes })
  const feeding = form.feed(request.body)
  try {
    for (let part = await form.next(); part !== undefined; part = await form.next()) yield part
  } finally {
    await form.stop()
    await feeding
  }
}

const maxBoundaryLength = 70

/** The boundary between the parts: 1 to 70 characters (RFC 2046 section 5.1.1). */
function boundaryOf(request: Request): string {
  const { value, parameters, rest } = readParameters(request.headers.get('content-type') ?? '')
  if (value !== 'multipart/form-data') {
    throw failure('not-multipart', 'The content is not multipart/form-data.')
  }
  // An intermediary that inspected the form may have used the other boundary.
  if (rest === 'ambiguous') throw failure('malformed', 'The Content-Type of the form is ambiguous.')
  const boundary = parameters.get('boundary') ?? ''
  if (boundary === '' || boundary.length > maxBoundaryLength) {
    throw failure('not-multipart', 'The multipart/form-data has no boundary.')
  }
  return boundary
}
