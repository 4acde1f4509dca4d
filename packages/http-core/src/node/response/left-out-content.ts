import type { ByteSource } from '../../response/byte-source.ts'
import { isEventStream } from '../../response/event-stream.ts'
import { hasNoContent } from '../../response/status.ts'

/**
 * Whether the content is read though it is not sent: to say its length in the answer to HEAD, as the answer to GET would. Not
 * where that is known, nor of an event stream, which must not begin without a reader.
 */
export function isMeasured(given: Response, source: ByteSource | undefined, method: string): boolean {
  return (
    method === 'HEAD' &&
    source === undefined &&
    given.body !== null &&
    !hasNoContent(given.status) &&
    // Of what is compressed nobody knows the length; `compression` leaves the body of an answer to HEAD as it is.
    !given.headers.has('content-encoding') &&
    !given.headers.has('content-length') &&
    !isEventStream(given)
  )
}

/** Why the body of a response is cancelled whose content is not sent. */
export function contentLeftOut(): DOMException {
  return new DOMException('The response is sent without content', 'AbortError')
}
