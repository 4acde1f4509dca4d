/**
 * How one parameter of a route stands in the path.
 *
 * Methods, not properties: that lets a codec of numbers stand where a codec of anything is asked for.
 */
export interface ParamCodec<T> {
  /** How the route is printed: `:id<int>`. */
  readonly name: string
  /**
   * A regular expression's source that the segment must match as a whole for the route to match at all; other
   * segments fall through to other routes. No `/`, no capturing group, no anchors. Absent: any segment.
   */
  readonly pattern?: string | undefined
  /** The value of a segment as it stands in the path; undefined if it has none, which answers 404. */
  parse(segment: string): T | undefined
  /** The segment of a value, percent-encoded where needed; undefined if it has none, which is a RouteError. */
  format(value: T): string | undefined
}

/**
 * Percent-decoded text: the default. A malformed encoding answers 400. In a rest parameter (`**:path`) an encoded slash
 * is decoded too, so a path of a file system must still be checked for `..` after decoding.
 */
export const decoded: ParamCodec<string> = {
  name: 'decoded',
  parse: (segment) => (segment.includes('%') ? decodeURIComponent(segment) : segment),
  format: (value) => (value === '' ? undefined : encodeURIComponent(value)),
}

/** The default of a rest parameter: the slashes part the segments, everything else in them is encoded. */
export const decodedRest: ParamCodec<string> = {
  name: 'decoded',
  parse: (path) => decoded.parse(path),
  format: (value) => {
    const segments = value.split('/')
    if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) return undefined
    return segments.map(encodeURIComponent).join('/')
  },
}

/** The text as it stands in the path, percent-encoding and all. */
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
