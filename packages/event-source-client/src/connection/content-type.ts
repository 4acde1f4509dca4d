export const eventStreamType = 'text/event-stream'

// A value ends at a comma that is not within a quoted string.
const values = /(?:[^,"]|"(?:[^"\\]|\\.?)*(?:"|$))+/g
// Tokens (RFC 9110 section 5.6.2), in small letters.
const essence = /^\s*([!#-'*+.^-z|~\d-]+\/[!#-'*+.^-z|~\d-]+)\s*(;|$)/

/**
 * Whether a `Content-Type` is that of an event stream. Of several values, whether in one field or in more, the last that
 * is a MIME type counts.
 *
 * @see https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
 */
export function isEventStream(contentType: string | null): boolean {
  const types = contentType
    ?.toLowerCase()
    .match(values)
    ?.map((value) => essence.exec(value)?.[1])
  return types?.findLast((type) => type && type !== '*/*') === eventStreamType
}
