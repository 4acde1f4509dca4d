import { RouteError } from '../errors/route-error.ts'
import type { ParamCodec } from './param-codec.ts'

/** One segment of a pattern. `anything` is a final `**`: what it matches has no name. */
export type Segment =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'rest'; readonly name: string; readonly mayBeEmpty: boolean }
  | { readonly kind: 'anything' }

const parameterName = /^[A-Za-z_][A-Za-z0-9_]*$/
/** What rou3, which matches underneath, reads as syntax, and what can never stand in a path. */
const notExact = /[:*?+(){}\\#\s]/

/**
 * Reads a pattern.
 *
 *     /rooms/:room/events     `:room` is one segment, never empty
 *     /files/**:path          `**:path` is the rest, at least one segment; only at the end
 *     /files/**:path?         the rest, which may be empty: /files itself, too; only at the end
 *     /api/**                 everything below, and /api itself; only at the end
 *
 * @throws {@link RouteError} `code: 'invalid-pattern'`
 */
export function parsePattern(pattern: string): readonly Segment[] {
  const refuse = (reason: string): RouteError => new RouteError('invalid-pattern', pattern, reason)
  if (typeof pattern !== 'string') {
    throw refuse('A route is a pattern such as /rooms/:room, or what route() gave')
  }
  if (!pattern.startsWith('/')) throw refuse('A route pattern begins with a slash')
  const path = pattern.endsWith('/') ? pattern.slice(1, -1) : pattern.slice(1)
  if (path === '') return []
  const texts = path.split('/')
  const names = new Set<string>()
  const named = (name: string): string => {
    if (!parameterName.test(name)) throw refuse('A parameter has a name of letters, digits and underscores')
    if (names.has(name)) throw refuse(`The parameter ${name} stands twice in the pattern`)
    names.add(name)
    return name
  }
  return texts.map((text, index): Segment => {
    if (text.startsWith('**')) {
      if (index !== texts.length - 1) throw refuse('The rest of the path stands at the end of a pattern')
      if (text === '**') return { kind: 'anything' }
      if (text[2] === ':') {
        const mayBeEmpty = text.endsWith('?')
        return { kind: 'rest', name: named(mayBeEmpty ? text.slice(3, -1) : text.slice(3)), mayBeEmpty }
      }
    }
    if (text.startsWith(':')) return { kind: 'param', name: named(text.slice(1)) }
    if (text === '') throw refuse('A route pattern has no empty segment')
    if (text === '.' || text === '..') throw refuse('A URL never has a dot segment')
    if (notExact.test(text))
      throw refuse('A segment is exact text, :name, or at the end **:name, **:name? or **')
    return { kind: 'exact', text }
  })
}

/** The pattern as rou3 reads it, with the codecs' constraints; `names: 'erased'` where only the shape counts. */
export function matcherPattern(
  segments: readonly Segment[],
  codecs: Readonly<Record<string, ParamCodec<unknown> | undefined>>,
  names: 'kept' | 'erased' = 'kept',
): string {
  const texts = segments.map((segment, index) => {
    if (segment.kind === 'exact') return segment.text
    if (segment.kind === 'anything') return '**'
    const name = names === 'kept' ? segment.name : `_${index}`
    // As a shape it is the same as `**`, and rou3 has a form of its own for the name.
    if (segment.kind === 'rest' && segment.mayBeEmpty) return names === 'kept' ? `:${name}*` : '**'
    if (segment.kind === 'rest') return `**:${name}`
    const constraint = codecs[segment.name]?.pattern
    return constraint === undefined ? `:${name}` : `:${name}(${constraint})`
  })
  return `/${texts.join('/')}`
}
