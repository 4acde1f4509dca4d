import { byteSourceSymbol } from '../connection/byte-sink.ts'
import type { ByteSink, ByteSinkListener, ByteSource } from '../connection/byte-sink.ts'
import { OptionError } from '../errors/option-error.ts'
import { EVENT_STREAM_HEADERS } from '../format/headers.ts'
import type { HeaderFields } from '../format/headers.ts'
import { createLazyBody } from '../connection/web-byte-sink.ts'

/**
 * A Response whose body begins when it is read, or when a server attaches a sink to its {@link ByteSource}, whichever
 * comes first.
 */
export function eventStreamResponse(
  open: (sink: ByteSink) => ByteSinkListener,
  headers: Headers,
  request: Request | undefined,
): Response {
  // RFC 9110 section 9.3.2: HEAD has the fields of GET and no content, so nothing is started for it.
  if (request?.method === 'HEAD') return new Response(null, { headers })
  let begun = false
  const begin = (sink: ByteSink): ByteSinkListener => {
    if (begun) throw new TypeError('The body of this event stream has been read already')
    begun = true
    return open(sink)
  }
  const source: ByteSource = { attach: begin }
  const response = new Response(createLazyBody(begin, request), { headers })
  return Object.defineProperty(response, byteSourceSymbol, { value: source })
}

/** What the constructor of Headers takes, where it would make one text of a list, and a word of `undefined` or `null`. */
function withoutLists(
  given: NonNullable<HeaderFields>,
): NonNullable<ConstructorParameters<typeof Headers>[0]> {
  if (isHeadersInit(given)) return given
  return Object.entries(given).flatMap(([name, value]) =>
    [value]
      .flat()
      .flatMap((each): [string, string][] =>
        each === undefined || each === null ? [] : [[name, String(each)]],
      ),
  )
}

function isHeadersInit(
  given: NonNullable<HeaderFields>,
): given is Exclude<NonNullable<ConstructorParameters<typeof Headers>[0]>, Record<string, string>> {
  return Symbol.iterator in given
}

/**
 * The fields of an event stream, and those given over them.
 *
 * @throws {@link OptionError} for an invalid header field.
 */
export function eventStreamHeaders(given: HeaderFields): Headers {
  const headers = new Headers(EVENT_STREAM_HEADERS)
  if (given === undefined) return headers
  try {
    for (const [name, value] of new Headers(withoutLists(given))) {
      if (name === 'set-cookie') headers.append(name, value)
      else headers.set(name, value)
    }
  } catch {
    throw new OptionError('headers', given, 'header fields, as the constructor of Headers takes them')
  }
  return headers
}
