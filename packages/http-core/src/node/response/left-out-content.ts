import type { ByteSource } from '../../response/byte-source.ts'
import { isEventStream } from '../../response/event-stream.ts'
import { hasNoContent } from '../../response/status.ts'

/**
 * Whether the content is read although it is not sent, so that the answer to HEAD has the same length as the answer to GET.
 * This is not needed if the length is known, and not done for an event stream, which must not begin without a reader.
 */
export function isMeasured(given: Response, source: ByteSource | undefined, method: string): boolean {
  return (
    method === 'HEAD' &&
    source === undefined &&
    given.body !== null &&
    !hasNoContent(given.status) &&
    // The compressed length is not known: `compression` does not compress the body of an answer to HEAD.
    !given.headers.has('content-encoding') &&
    !given.headers.has('content-length') &&
    !isEventStream(given)
  )
}

/** The reason for cancelling a body whose content is not sent. */
export function contentLeftOut(): DOMException {
  return new DOMException('The response is sent without content', 'AbortError')
}
