import { describe, expect, it } from 'vitest'
import { filesBelow, readSource } from './source-files.ts'

// Each error that a package exports has a code, whose cause and cure docs/reference/errors.md gives. The codes are read from the
// literal types of the sources, so that a new one is missed here.

interface ErrorClass {
  readonly name: string
  readonly package: string
  readonly codes: readonly string[]
}

function literalsOf(type: string): readonly string[] {
  const withoutComments = type.replaceAll(/\/\*[^]*?\*\//g, '')
  return [...withoutComments.matchAll(/'([a-z0-9-]+)'/g)].map(([, code = '']) => code)
}

function errorClassOf(path: string): readonly ErrorClass[] {
  const source = readSource(path)
  const name = /^export class (\w+) extends Error/m.exec(source)?.[1]
  if (name === undefined) return []
  const [, own = ''] = /^ {2}(?:declare )?readonly code(?:: | = )([^\n]+)$/m.exec(source) ?? []
  // A union of its own, which is as long as its lines that begin with a bar or a comment.
  const [, union] =
    new RegExp(`^export type ${own} =((?:[^\\n]*)(?:\\n {2}[|/*][^\\n]*)*)`, 'm').exec(source) ?? []
  return [{ name, package: path.split('/')[1] ?? '', codes: literalsOf(union ?? own) }]
}

const classes = filesBelow('packages')
  .filter((path) => /\/src\/(?:.*\/)?errors\/[^/]+-error\.ts$/.test(path))
  .flatMap(errorClassOf)
const page = readSource('docs/reference/errors.md')
const [codes = '', problems = ''] = page.split(/^## Problem details/m)
const sections = new Map(
  codes
    .split(/^### /m)
    .slice(1)
    .map((section) => [/^`([^`]+)`/.exec(section)?.[1] ?? '', section.replaceAll(/\s+/g, ' ')]),
)

describe('docs/reference/errors.md', () => {
  it('is read with the codes of all classes', () => {
    expect(classes.length).toBeGreaterThan(30)
    expect(classes.filter(({ codes: own }) => own.length === 0)).toEqual([])
    expect(classes.find(({ name }) => name === 'InspectionError')?.codes).toHaveLength(4)
    expect(classes.find(({ name }) => name === 'ListenError')?.codes).toHaveLength(6)
  })

  it('has a section for each code, in alphabetical order', () => {
    const expected = new Set(classes.flatMap(({ codes: own }) => own))
    expect([...sections.keys()]).toEqual([...expected].toSorted())
  })

  it('names in it each class that has the code, and its package', () => {
    const missing = classes.flatMap((each) =>
      each.codes
        .filter((code) => {
          const item = new RegExp(`- \`${each.name}\` of [a-z, -]*\\b${each.package}\\b`)
          return !item.test(sections.get(code) ?? '')
        })
        .map((code) => `${code}: ${each.name} of ${each.package}`),
    )
    expect(missing).toEqual([])
  })

  it('has a row for each code of a request to publish that is refused, with its statuses', () => {
    const refusals = new Map<string, Set<string>>()
    const sources = filesBelow('packages/sse-server/src/publish').map(readSource).join('\n')
    for (const [, status = '', code = ''] of sources.matchAll(
      /\bstatus(?:: (\d{3}))?,\s*code: '([a-z0-9-]+)'/g,
    ))
      refusals.set(code, (refusals.get(code) ?? new Set()).add(status))
    const rows = [...problems.matchAll(/^\| `([a-z0-9-]+)` +\| ([0-9, ]+?) +\|/gm)]
    expect(rows.map(([, code]) => code)).toEqual([...refusals.keys()].toSorted())
    const written = rows.map(([, code, statuses = '']) => [code, statuses.split(', ')])
    // A status that the caller's own function chose is not a literal; by default it is 400.
    const expected = [...refusals].map(([code, found]) => [
      code,
      [...found].map((each) => each || '400').toSorted(),
    ])
    expect(written).toEqual([...expected].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
  })
})
