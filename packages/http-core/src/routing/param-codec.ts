/**
 * Converts one parameter of a route between its value and its text in the path.
 *
 * `parse` and `format` are methods, not properties, so that a `ParamCodec<number>` is assignable to `ParamCodec<unknown>`.
 */
export interface ParamCodec<T> {
  /** The name that a printed route shows, as in `:id<int>`. */
  readonly name: string
  /**
   * The source of a regular expression that the whole segment must match. If it does not, the route does not match, and
   * the router tries other routes. The source must not contain `/`, capturing groups or anchors. If you leave it out, any
   * segment matches.
   */
  readonly pattern?: string | undefined
  /** Converts a segment, still percent-encoded, to a value. Return undefined to answer 404. */
  parse(segment: string): T | undefined
  /** Converts a value to a segment, percent-encoded if needed. Return undefined to throw a RouteError. */
  format(value: T): string | undefined
}

/**
 * The default codec: percent-decoded text. The router answers 400 if the encoding is malformed. In a rest parameter
 * (`**:path`) this codec also decodes encoded slashes, so check the decoded text for `..` before you use it as a file path.
 */
export const decoded: ParamCodec<string> = {
  name: 'decoded',
  parse: (segment) => (segment.includes('%') ? decodeURIComponent(segment) : segment),
  format: (value) => (value === '' ? undefined : encodeURIComponent(value)),
}

/** The default codec of a rest parameter: slashes separate the segments, and each segment is percent-encoded. */
export const decodedRest: ParamCodec<string> = {
  name: 'decoded',
  parse: (path) => decoded.parse(path),
  format: (value) => {
    const segments = value.split('/')
    if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) return undefined
    return segments.map(encodeURIComponent).join('/')
  },
}

/** The text of the segment as it is in the path, without percent-decoding. */
export const raw: ParamCodec<string> = {
  name: 'raw',
  parse: (segment) => segment,
  format: (value) => (/^[\w\-.~!$&'()*+,;=:@%]+$/.test(value) ? value : undefined),
}

/** A safe integer in decimal digits. Anything else does not match the route. */
export const int: ParamCodec<number> = {
  name: 'int',
  pattern: '-?[0-9]+',
  parse: (segment) => {
    const value = Number(segment)
    return Number.isSafeInteger(value) ? value : undefined
  },
  format: (value) => (Number.isSafeInteger(value) ? String(value) : undefined),
}

/**
 * One of a few words. Any other segment does not match the route.
 *
 * @example
 * ```ts
 * const events = route('/rooms/:room/:format', { format: oneOf('events', 'history') })
 * ```
 */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): ParamCodec<Words[number]> {
  const segments = new Map<string, Words[number]>(words.map((word) => [encodeURIComponent(word), word]))
  return {
    name: words.join('|'),
    pattern: [...segments.keys()].map((segment) => segment.replaceAll(/[.*()]/g, String.raw`\$&`)).join('|'),
    parse: (segment) => segments.get(segment),
    format: (value) => (words.includes(value) ? encodeURIComponent(value) : undefined),
  }
}
