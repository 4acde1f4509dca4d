import { checkRequest } from '../options.ts'

/** How a client weighs one media type: the weight, and how narrowly the range that gave it fits. */
interface Preference {
  readonly weight: number
  readonly precision: number
}

/**
 * Whether a request asks for an event stream, by its `Accept` field.
 *
 * With `alternatives`, the media types that the same resource can also be had as, the event stream must be preferred to
 * each: by its weight, or, at equal weights, by being named more precisely. So a wildcard, which browsers, curl and
 * fetch all send, never turns a page or a JSON document into an event stream.
 *
 * @param accept - a request, or the value of the field.
 * @throws {@link OptionError} for an object that is not a web Request.
 * @example
 * ```ts
 * import { acceptsEventStream } from '@sse-toolkit/sse-server'
 *
 * acceptsEventStream('text/event-stream') // true
 * acceptsEventStream('*\/*') // true
 * acceptsEventStream('*\/*', ['application/json']) // false
 * acceptsEventStream('application/json;q=0.5, text/event-stream', ['application/json']) // true
 * ```
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
 */
export function acceptsEventStream(
  accept: Request | string | null | undefined,
  alternatives: readonly string[] = [],
): boolean {
  const field = acceptField(accept)
  // [RFC 9110] "A request without any Accept header field implies that the user agent will accept any media type."
  const ranges = parseAccept(field === null || field === undefined || field.trim() === '' ? '*/*' : field)
  const stream = preferenceFor('text/event-stream', ranges)
  if (stream.weight === 0) return false
  return alternatives.every((mediaType) => {
    const other = preferenceFor(mediaType, ranges)
    if (stream.weight !== other.weight) return stream.weight > other.weight
    return stream.precision > other.precision
  })
}

function acceptField(accept: Request | string | null | undefined): string | null | undefined {
  if (typeof accept !== 'object' || accept === null) return accept
  checkRequest(accept)
  return accept.headers.get('accept')
}

type MediaRange = readonly [type: string, subtype: string, weight: number]

function parseAccept(field: string): MediaRange[] {
  return field.split(',').flatMap((element): MediaRange[] => {
    const [range = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase())
    const [type, subtype] = range.split('/')
    if (!type || !subtype) return []
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    return [[type, subtype, weight === undefined ? 1 : parseWeight(weight)]]
  })
}

// [RFC 9110 section 12.4.2] qvalue: 0 to 1 with at most three digits after the point. Anything else is ignored.
function parseWeight(qvalue: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(qvalue) ? Number(qvalue) : 0
}

function preferenceFor(mediaType: string, ranges: readonly MediaRange[]): Preference {
  const [type, subtype] = mediaType.toLowerCase().split('/')
  let best: Preference = { weight: 0, precision: -1 }
  for (const [rangeType, rangeSubtype, weight] of ranges) {
    const fits =
      (rangeType === type || rangeType === '*') && (rangeSubtype === subtype || rangeSubtype === '*')
    const precision = (rangeType === '*' ? 0 : 1) + (rangeSubtype === '*' ? 0 : 1)
    // "The most specific reference has precedence", whatever its weight.
    if (fits && precision > best.precision) best = { weight, precision }
  }
  return best
}
