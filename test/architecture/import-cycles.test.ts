import { dirname, posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesBelow, importsOf, readSource } from './source-files.ts'

/** Which files each file imports, by any kind of import: a circle of types ties files together as any other does. */
function importGraph(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    files.map((path) => [
      path,
      importsOf(readSource(path))
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => posix.join(dirname(path), specifier)),
    ]),
  )
}

/** One cycle, from a file back to itself; undefined if there are no cycles. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): readonly string[] | undefined => {
    const start = path.indexOf(file)
    if (start !== -1) return [...path.slice(start), file]
    if (done.has(file)) return undefined
    path.push(file)
    for (const imported of graph.get(file) ?? []) {
      const cycle = visit(imported)
      if (cycle !== undefined) return cycle
    }
    path.pop()
    done.add(file)
    return undefined
  }
  for (const file of graph.keys()) {
    const cycle = visit(file)
    if (cycle !== undefined) return cycle
  }
  return undefined
}

describe('no file imports itself through others, types included', () => {
  const roots = ['packages', 'apps', 'examples', 'bench', 'test', 'scripts']
  it.each(roots)('in %s', (root) => {
    const graph = importGraph(filesBelow(root).filter((path) => /\.tsx?$/.test(path)))
    expect(graph.size).toBeGreaterThan(0)
    expect(findCycle(graph)).toBeUndefined()
  })

  it('the search finds a cycle of three, and none in a diamond', () => {
    const circle = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['a']],
    ])
    const diamond = new Map([
      ['a', ['b', 'c']],
      ['b', ['d']],
      ['c', ['d']],
      ['d', []],
    ])
    expect(findCycle(circle)).toEqual(['a', 'b', 'c', 'a'])
    expect(findCycle(diamond)).toBeUndefined()
  })
})
