import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

const ignored = new Set(['node_modules', 'dist', '.git', '.turbo'])

/** Files below a folder of the repository, as paths from its root with forward slashes. */
export function filesBelow(folder: string): readonly string[] {
  const path = join(root, folder)
  return readdirSync(path).flatMap((name) => {
    if (ignored.has(name)) return []
    const child = join(path, name)
    const fromRoot = relative(root, child).split(sep).join('/')
    return statSync(child).isDirectory() ? filesBelow(fromRoot) : [fromRoot]
  })
}

export function readSource(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** What a file imports or re-exports, types included, static and dynamic. */
export function importsOf(source: string): readonly string[] {
  const withoutComments = source.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
  const specifier = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g
  return [...withoutComments.matchAll(specifier)].map(([, name = '']) => name)
}
