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

/** Codecs by parameter name. Parameters without a codec are {@link decoded} text. */
export type ParamCodecs<Pattern extends string> = {
  readonly [Name in ParamNames<Pattern>]?: ParamCodec<unknown>
}

/** The type of `context.params` in a handler of the route. */
export type RouteParams<Pattern extends string, Codecs = unknown> = {
  readonly [Name in ParamNames<Pattern>]: Name extends keyof Codecs
    ? Codecs[Name] extends ParamCodec<infer Value>
      ? Value
      : string
    : string
}

/** A path with typed parameters, independent of a handler. Use it to register handlers and to build URLs. */
export interface Route<Params = never> {
  /** The pattern as you wrote it. */
  readonly pattern: string
  readonly codecs: Readonly<Record<string, ParamCodec<unknown> | undefined>>
  /**
   * Builds the path of a URL.
   *
   * @throws {@link RouteError} `code: 'missing-param'`; `'invalid-param'` if the value cannot be written in a path, such
   *   as an empty string.
   * @example
   * ```ts
   * route('/rooms/:room/:n', { n: int }).url({ room: 'a b', n: 7 }) // '/rooms/a%20b/7'
   * ```
   */
  url(params: Params): string
  /** The pattern with the names of its codecs: `/rooms/:room/:n<int>`. */
  toString(): string
}

/** A route made by {@link route}, with the parsed pattern. */
interface ParsedRoute<Params> extends Route<Params> {
  readonly segments: readonly Segment[]
}

/** The segments of a route's pattern. */
export function segmentsOf(given: Route): readonly Segment[] {
  return (given as Partial<ParsedRoute<never>>).segments ?? parsePattern(given.pattern)
}

/**
 * Makes a route. The parameters are typed by the pattern: strings, unless a codec gives a parameter another type.
 *
 *     /rooms/:room/events     `:room` is one segment, never empty
 *     /files/**:path          `**:path` is the rest, at least one segment; only at the end
 *     /files/**:path?         the rest, which may be empty, so that /files matches too; only at the end
 *     /api/**                 /api and everything below; only at the end
 *
 * One trailing slash makes no difference, in a pattern or in a path.
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
        `There is a codec for ${name}, but the pattern has no such parameter`,
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
    if (value === undefined)
      throw new RouteError('missing-param', name, 'The URL needs a value for the parameter')
    const codec: ParamCodec<unknown> = codecs[name] ?? (segment.kind === 'rest' ? decodedRest : decoded)
    const text = codec.format(value)
    // The URL parser would resolve a dot segment (https://url.spec.whatwg.org/#path-state).
    if (text === undefined || /^(?:\.|%2e){1,2}$/i.test(text)) {
      throw new RouteError('invalid-param', value, `The parameter ${name} cannot be written in a path`)
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
