import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

// Which Markdown of the repository is a page of the site, where the page stands there, and in which order the sidebar
// lists them. A page that this file does not name is listed at the end of its folder's section: none can be forgotten.

/** The root of the repository, with a slash at the end. */
export const repository: string = fileURLToPath(new URL('../../', import.meta.url))

interface SidebarItem {
  text: string
  link: string
}

interface SidebarSection {
  text: string
  collapsed: boolean
  items: SidebarItem[]
}

/** Pages that lie elsewhere in the repository, where who reads the repository looks for them. */
const pagesFromElsewhere: Readonly<Record<string, string>> = {
  'ARCHITECTURE.md': 'how/architecture.md',
  'SECURITY.md': 'deployment/security.md',
  'bench/README.md': 'how/benchmarks.md',
  'examples/README.md': 'start/examples.md',
  'packages/cli/README.md': 'reference/cli.md',
  'packages/event-source-client/README.md': 'reference/event-source-client.md',
  'packages/http-core/README.md': 'reference/http-core.md',
  'packages/sse-redis/README.md': 'reference/sse-redis.md',
  'packages/sse-server/README.md': 'reference/sse-server.md',
  'packages/sse-sqlite/README.md': 'reference/sse-sqlite.md',
  'packages/testing/README.md': 'reference/testing.md',
}

interface Section {
  readonly text: string
  readonly folder: string
  /** Names of pages in the order of the sidebar; those that are missing here follow by name. */
  readonly order: readonly string[]
}

const sections: readonly Section[] = [
  {
    text: 'Start',
    folder: 'start',
    order: [
      'index',
      'node-http',
      'http-core',
      'express',
      'fastify',
      'koa',
      'hono',
      'nest',
      'nextjs',
      'nitro',
      'sveltekit',
      'route-handlers',
      'bun-deno',
      'edge',
      'examples',
    ],
  },
  {
    text: 'Guides',
    folder: 'guides',
    order: [
      'resuming',
      'slow-readers',
      'access',
      'answers-and-jobs',
      'publishing',
      'own-streams',
      'other-clients',
      'drop-ins',
      'choosing-a-log',
      'several-processes',
      'six-connections',
      'one-connection',
      'react',
      'typed-events',
      'testing',
    ],
  },
  {
    text: 'Deployment',
    folder: 'deployment',
    order: ['index', 'nginx', 'haproxy', 'other-proxies', 'graceful-shutdown', 'containers', 'sizing'],
  },
  { text: 'Troubleshooting', folder: '.', order: [] },
  { text: 'Migration', folder: 'migration', order: ['index'] },
  {
    text: 'Reference',
    folder: 'reference',
    order: [
      'sse-server',
      'event-source-client',
      'client-behavior',
      'http-core',
      'sse-sqlite',
      'sse-redis',
      'testing',
      'cli',
      'options',
      'errors',
      'metrics',
    ],
  },
  { text: 'API', folder: 'reference/api', order: ['index'] },
  {
    text: 'How it works',
    folder: 'how',
    order: ['evidence', 'architecture', 'simulation', 'faults', 'performance'],
  },
]

function markdownBelow(folder: string): readonly string[] {
  return readdirSync(`${repository}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') return []
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return markdownBelow(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

/** Each page: its file, from the root of the repository, and its place on the site. */
export function sitePages(): ReadonlyMap<string, string> {
  const own = markdownBelow('docs').map((path) => [path, path.slice('docs/'.length)] as const)
  return new Map([...own, ...Object.entries(pagesFromElsewhere)])
}

/** The first heading of a page, without its marks. */
function titleOf(file: string): string {
  const heading = /^# (.+)$/m.exec(readFileSync(`${repository}${file}`, 'utf8'))?.[1]
  if (heading === undefined) throw new Error(`${file}: expected a heading of the first level`)
  return heading.replaceAll('`', '')
}

function linkOf(page: string): string {
  return `/${page.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '')}`
}

function placeIn(order: readonly string[], page: string): number {
  const place = order.indexOf(posix.basename(page, '.md'))
  return place === -1 ? order.length : place
}

/** The folder whose section lists the page. */
function folderOf(page: string): string {
  return page.startsWith('reference/api/') ? 'reference/api' : posix.dirname(page)
}

/** The sections of the sidebar, with every page of the site but the first one. */
export function sidebar(): SidebarSection[] {
  const pages = [...sitePages()].filter(([, page]) => page !== 'index.md')
  return sections
    .map(({ text, folder, order }) => ({
      text,
      collapsed: folder === 'reference/api',
      items: pages
        .filter(([, page]) => folderOf(page) === folder)
        .toSorted(([, a], [, b]) => placeIn(order, a) - placeIn(order, b) || (a < b ? -1 : 1))
        .map(([file, page]) => ({ text: titleOf(file), link: linkOf(page) })),
    }))
    .filter(({ items }) => items.length > 0)
}
