import { existsSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { repository } from './pages.ts'

const sources = 'https://github.com/sse-toolkit/sse-toolkit'

/**
 * Where a link of a page leads on the site. Links are written as they hold in the repository: relative to the file. One to
 * another page stays on the site, one to any other file leads to the repository's host.
 *
 * @param file - the page's file, from the root of the repository.
 * @param pages - each page's file, and its place on the site.
 * @throws Error if there is no such file: a dead link fails the build.
 */
export function linkTarget(href: string, file: string, pages: ReadonlyMap<string, string>): string {
  if (/^(?:[a-z]+:|#|\/)/.test(href)) return href
  const [path = '', anchor] = href.split('#')
  const target = posix.join(posix.dirname(file), decodeURI(path)).replace(/\/$/, '')
  const suffix = anchor === undefined ? '' : `#${anchor}`
  if (!existsSync(`${repository}${target}`)) throw new Error(`${file}: no file at ${href}`)
  const isFolder = statSync(`${repository}${target}`).isDirectory()
  const page = pages.get(target) ?? (isFolder ? pages.get(`${target}/README.md`) : undefined)
  if (page !== undefined) return `/${page}${suffix}`
  return `${sources}/${isFolder ? 'tree' : 'blob'}/main/${target}${suffix}`
}
