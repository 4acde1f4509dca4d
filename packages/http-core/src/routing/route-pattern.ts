import { RouteError } from '../errors/route-error.ts'
import type { ParamCodec } from './param-codec.ts'

/** One segment of a pattern. `anything` is a final `**`, which matches without a parameter name. */
export type Segment =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'rest'; readonly name: string; readonly mayBeEmpty: boolean }
  | { readonly kind: 'anything' }

const parameterName = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Characters that rou3, the underlying matcher, reads as syntax, and characters that cannot occur in a path. */
const notExact = /[:*?+(){}\\#\s]/

/**
 * Reads a pattern.
 *
 *     /rooms/:room/events     `:room` is one segment, never empty
 *     /files/**:path          `**:path` is the rest, at least one segment; only at the end
 *     /files/**:path?         the rest, which may be empty, so that /files matches too; only at the end
 *     /api/**                 /api and everything below; only at the end
 *
 * @throws {@link RouteError} `code: 'invalid-pattern'`
 */
export function parsePattern(pattern: string): readonly Segment[] {
  const refuse = (reason: string): RouteError => new RouteError('invalid-pattern', pattern, reason)
  if (typeof pattern !== 'string') {
    throw refuse('A route must be a pattern such as /rooms/:room, or a route made by route()')
  }
  if (!pattern.startsWith('/')) throw refuse('A route pattern must begin with a slash')
  const path = pattern.endsWith('/') ? pattern.slice(1, -1) : pattern.slice(1)
  if (path === '') return []
  const texts = path.split('/')
  const names = new Set<string>()
  const named = (name: string): string => {
    if (!parameterName.test(name))
      throw refuse('A parameter name must have only letters, digits and underscores')
    if (names.has(name)) throw refuse(`The pattern has the parameter ${name} twice`)
    names.add(name)
    return name
  }
  return texts.map((text, index): Segment => {
    if (text.startsWith('**')) {
      if (index !== texts.length - 1) throw refuse('A segment with ** must be at the end of the pattern')
      if (text === '**') return { kind: 'anything' }
      if (text[2] === ':') {
        const mayBeEmpty = text.endsWith('?')
        return { kind: 'rest', name: named(mayBeEmpty ? text.slice(3, -1) : text.slice(3)), mayBeEmpty }
      }
    }
    if (text.startsWith(':')) return { kind: 'param', name: named(text.slice(1)) }
    if (text === '') throw refuse('A route pattern must not have an empty segment')
    if (text === '.' || text === '..')
      throw refuse('A route pattern must not have a dot segment: no URL has one')
    if (notExact.test(text))
      throw refuse('A segment must be exact text or :name, or at the end **:name, **:name? or **')
    return { kind: 'exact', text }
  })
}

/** The pattern in rou3's syntax, with the codecs' constraints. `names: 'erased'` gives patterns of equal shape equal text. */
export function matcherPattern(
  segments: readonly Segment[],
  codecs: Readonly<Record<string, ParamCodec<unknown> | undefined>>,
  names: 'kept' | 'erased' = 'kept',
): string {
  const texts = segments.map((segment, index) => {
    if (segment.kind === 'exact') return segment.text
    if (segment.kind === 'anything') return '**'
    const name = names === 'kept' ? segment.name : `_${index}`
    // This has the same shape as `**`; with its name, rou3 has a separate syntax for it.
    if (segment.kind === 'rest' && segment.mayBeEmpty) return names === 'kept' ? `:${name}*` : '**'
    if (segment.kind === 'rest') return `**:${name}`
    const constraint = codecs[segment.name]?.pattern
    return constraint === undefined ? `:${name}` : `:${name}(${constraint})`
  })
  return `/${texts.join('/')}`
}
