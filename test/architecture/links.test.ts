import { existsSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { headingSlug } from '../../docs/.vitepress/heading-slug.ts'
import { linkTarget } from '../../docs/.vitepress/link-targets.ts'
import { sidebar, sitePages } from '../../docs/.vitepress/pages.ts'
import { filesBelow, readSource, root } from './source-files.ts'

// Markdown is read in the repository and on the site. A link to a file holds in both if the file is there, and one to an
// anchor if a heading of that file makes it.

const generated = 'docs/reference/api/'
const pages = filesBelow('.').filter((path) => path.endsWith('.md') && !path.startsWith(generated))

/** The text of a page without its code, where a bracket is not a link and a `#` not a heading. */
function proseOf(text: string): string {
  return text.replaceAll(/^(```+|~~~+)[^]*?^\1\s*$/gm, '').replaceAll(/^(?: {4}|\t).*$/gm, '')
}

function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of proseOf(text).matchAll(/^#{1,6} +(.+?)\s*$/gm)) {
    // What the heading shows: without marks, and of a link its text alone.
    const slug = headingSlug(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, ''))
    let anchor = slug
    for (let times = 1; anchors.has(anchor); times++) anchor = `${slug}-${times}`
    anchors.add(anchor)
  }
  return anchors
}

interface Link {
  readonly path: string
  readonly anchor: string | undefined
}

/** The links of a page into the repository, their paths from its root. */
function linksOf(page: string, text: string): readonly Link[] {
  const prose = proseOf(text).replaceAll(/(`+)[^]*?\1/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, href = '']) => href)
    .filter((href) => !/^[a-z]+:/.test(href))
    .map((href) => {
      const [path = '', anchor] = href.split('#')
      return { path: path === '' ? page : posix.join(posix.dirname(page), path), anchor }
    })
}

/** What is wrong with a page's links. */
function deadLinks(page: string, text: string): readonly string[] {
  return linksOf(page, text).flatMap(({ path, anchor }) => {
    const file = join(root, path)
    if (path.startsWith(generated)) return []
    if (!existsSync(file)) return [`${page}: there is no ${path}`]
    if (anchor === undefined) return []
    const target = statSync(file).isDirectory() ? posix.join(path, 'README.md') : path
    const isThere = target.endsWith('.md') && anchorsOf(readSource(target)).has(anchor)
    return isThere ? [] : [`${page}: ${target} has no heading #${anchor}`]
  })
}

describe('the links of all Markdown', () => {
  it('lead to existing files and headings', () => {
    expect(pages.length).toBeGreaterThan(20)
    expect(pages.flatMap((page) => deadLinks(page, readSource(page)))).toEqual([])
  })

  it.each([
    ['a file', 'See [this](docs/none.md).', ['README.md: there is no docs/none.md']],
    ['an anchor', 'See [this](#no-such-heading).', ['README.md: README.md has no heading #no-such-heading']],
    ['an anchor of a folder', 'See [this](bench#none).', ['README.md: bench/README.md has no heading #none']],
  ])('are found where %s is missing', (_what, text, found) => {
    expect(deadLinks('README.md', text)).toEqual(found)
  })

  it.each([
    ['Topics that end: a model’s answer', 'topics-that-end-a-models-answer'],
    ['`hub.close()` & co.', 'hubclose--co'],
    ['snake_case', 'snake_case'],
  ])('have the anchors that GitHub makes: %s', (heading, anchor) => {
    expect([...anchorsOf(`# ${heading}`)]).toEqual([anchor])
  })
})

describe('the sidebar of the site', () => {
  it('lists every page but the first, each once', () => {
    const listed = sidebar().flatMap(({ items }) => items.map(({ link }) => link))
    const expected = [...sitePages().values()]
      .filter((page) => page !== 'index.md' && !page.startsWith('reference/api/'))
      .map((page) => `/${page.replace(/\.md$/, '').replace(/(?<=^|\/)index$/, '')}`)
    expect(listed.filter((link) => !link.startsWith('/reference/api/')).toSorted()).toEqual(
      expected.toSorted(),
    )
  })
})

describe('a link of a page, on the site', () => {
  const repository = 'https://github.com/sse-toolkit/sse-toolkit'

  it.each([
    ['another page', 'access.md#credentials-in-a-browser', '/guides/access.md#credentials-in-a-browser'],
    ['a page from elsewhere', '../../ARCHITECTURE.md', '/how/architecture.md'],
    ['the folder of such a page', '../../packages/cli', '/reference/cli.md'],
    [
      'a file that is not a page',
      '../../examples/package.json',
      `${repository}/blob/main/examples/package.json`,
    ],
    ['a folder', '../../examples/chat', `${repository}/tree/main/examples/chat`],
    ['a heading of its own', '#see-it', '#see-it'],
    ['another site', 'https://example.com/a.md', 'https://example.com/a.md'],
  ])('to %s', (_what, href, target) => {
    expect(linkTarget(href, 'docs/guides/resuming.md', sitePages())).toBe(target)
  })

  it('fails the build if the file does not exist', () => {
    expect(() => linkTarget('none.md', 'docs/guides/resuming.md', sitePages())).toThrow(
      'docs/guides/resuming.md: no file at none.md',
    )
  })
})
