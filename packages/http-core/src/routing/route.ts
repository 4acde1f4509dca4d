import { checkMethods } from '../options/check-options.ts'
import { RouteError } from '../errors/route-error.ts'
import { decoded, decodedRest } from './param-codec.ts'
import type { ParamCodec } from './param-codec.ts'
import { parsePattern } from './route-pattern.ts'
import type { Segment } from './route-pattern.ts'

type SegmentName<Text extends string> = Text extends `**:${infer Name}?`
  ? Name
  : Text extends `**:${infer Name}`
    ? Name
    : Text extends `:${infer Name}`
      ? Name
      : never

/** The names of a pattern's parameters: `'room'` for `'/rooms/:room/events'`. */
export type ParamNames<Pattern extends string> = string extends Pattern
  ? string
  : Pattern extends `${infer Head}/${infer Tail}`
    ? SegmentName<Head> | ParamNames<Tail>
    : SegmentName<Pattern>

/** A codec for some of a pattern's parameters; the others are {@link decoded} text. */
export type ParamCodecs<Pattern extends string> = {
  readonly [Name in ParamNames<Pattern>]?: ParamCodec<unknown>
}

/** What a handler finds in `context.params`. */
export type RouteParams<Pattern extends string, Codecs = unknown> = {
  readonly [Name in ParamNames<Pattern>]: Name extends keyof Codecs
    ? Codecs[Name] extends ParamCodec<infer Value>
      ? Value
      : string
    : string
}

/** A path with typed parameters, apart from any handler: it names, matches and builds URLs. */
export interface Route<Params = never> {
  /** As it was written. */
  readonly pattern: string
  readonly codecs: Readonly<Record<string, ParamCodec<unknown> | undefined>>
  /**
   * Builds the path of a URL.
   *
   * @throws {@link RouteError} `code: 'missing-param'`; `'invalid-param'` if the value has no form in a path, such as
   *   an empty text.
   * @example
   * ```ts
   * route('/rooms/:room/:n', { n: int }).url({ room: 'a b', n: 7 }) // '/rooms/a%20b/7'
   * ```
   */
  url(params: Params): string
  /** The pattern with the names of its codecs: `/rooms/:room/:n<int>`. */
  toString(): string
}

/** A route as {@link route} makes it: its pattern is parsed once. */
interface ParsedRoute<Params> extends Route<Params> {
  readonly segments: readonly Segment[]
}

/** The segments of a route's pattern. */
export function segmentsOf(given: Route): readonly Segment[] {
  return (given as Partial<ParsedRoute<never>>).segments ?? parsePattern(given.pattern)
}

/**
 * Makes a route: the pattern types its parameters, and a codec may give one another type than text.
 *
 *     /rooms/:room/events     `:room` is one segment, never empty
 *     /files/**:path          `**:path` is the rest, at least one segment; only at the end
 *     /files/**:path?         the rest, which may be empty: /files itself, too; only at the end
 *     /api/**                 everything below, and /api itself; only at the end
 *
 * One trailing slash makes no difference, neither in a pattern nor in a path.
 *
 * @throws {@link RouteError} `code: 'invalid-pattern'`
 * @throws {@link OptionError} for an invalid codec.
 * @example
 * ```ts
 * const item = route('/rooms/:room/items/:n', { n: int })
 * router.get(item, (_request, { params }) => textResponse(`${params.room} ${params.n + 1}`))
 * item.url({ room: 'lobby', n: 7 }) // '/rooms/lobby/items/7'
 * ```
 */
export function route<const Pattern extends string, const Codecs extends ParamCodecs<Pattern>>(
  pattern: Pattern,
  codecs?: Codecs,
): Route<RouteParams<Pattern, Codecs>> {
  const segments = parsePattern(pattern)
  // Without a prototype: a parameter may be named `constructor`.
  const byName: Readonly<Record<string, ParamCodec<unknown> | undefined>> = Object.assign(
    Object.create(null) as object,
    codecs,
  )
  const params = segments.filter((segment) => segment.kind === 'param' || segment.kind === 'rest')
  for (const name of Object.keys(byName)) {
    if (!params.some((param) => param.name === name)) {
      throw new RouteError(
        'invalid-pattern',
        pattern,
        `There is a codec for ${name}, which the pattern lacks`,
      )
    }
  }
  for (const [name, codec] of Object.entries(byName)) {
    checkMethods(`codecs.${name}`, codec, ['parse', 'format'], 'a codec, such as int')
  }
  const parsed: ParsedRoute<RouteParams<Pattern, Codecs>> = {
    pattern,
    segments,
    codecs: byName,
    url: (values) => formatPath(segments, byName, values),
    toString: () => printPattern(segments, byName),
  }
  return parsed
}

function formatPath(
  segments: readonly Segment[],
  codecs: Readonly<Record<string, ParamCodec<unknown> | undefined>>,
  values: Readonly<Record<string, unknown>>,
): string {
  let path = ''
  for (const segment of segments) {
    if (segment.kind === 'anything') break
    if (segment.kind === 'exact') {
      path += `/${segment.text}`
      continue
    }
    const { name } = segment
    const value = values[name]
    if (segment.kind === 'rest' && segment.mayBeEmpty && (value === '' || value === undefined)) break
    if (value === undefined) throw new RouteError('missing-param', name, 'The URL needs the parameter')
    const codec: ParamCodec<unknown> = codecs[name] ?? (segment.kind === 'rest' ? decodedRest : decoded)
    const text = codec.format(value)
    // A segment of dots would vanish from the URL (https://url.spec.whatwg.org/#path-state).
    if (text === undefined || /^(?:\.|%2e){1,2}$/i.test(text)) {
      throw new RouteError('invalid-param', value, `The parameter ${name} has no form in a path`)
    }
    path += `/${text}`
  }
  return path === '' ? '/' : path
}

function printPattern(
  segments: readonly Segment[],
  codecs: Readonly<Record<string, ParamCodec<unknown> | undefined>>,
): string {
  const texts = segments.map((segment) => {
    if (segment.kind === 'exact') return segment.text
    if (segment.kind === 'anything') return '**'
    const codec = codecs[segment.name]
    const constraint = codec === undefined ? '' : `<${codec.name}>`
    if (segment.kind === 'param') return `:${segment.name}${constraint}`
    return `**:${segment.name}${segment.mayBeEmpty ? '?' : ''}${constraint}`
  })
  return `/${texts.join('/')}`
}
