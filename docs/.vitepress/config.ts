import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import type { DefaultTheme, MarkdownOptions, Plugin } from 'vitepress'
import llmstxt from 'vitepress-plugin-llms'
import { headingSlug } from './heading-slug.ts'
import { linkTarget } from './link-targets.ts'
import { repository, sidebar, sitePages } from './pages.ts'

const pages = sitePages()
const description =
  'Event streams over HTTP (Server-Sent Events) that survive: server, hub, client, and the HTTP server underneath'

/**
 * Rewrites the links of each page before VitePress looks for dead ones, and shows code that is indented as it shows code
 * between fences: with a bar of its own where a line is wider than the window.
 */
const configureMarkdown: NonNullable<MarkdownOptions['config']> = (markdown) => {
  markdown.core.ruler.push('link-targets', ({ tokens, env }) => {
    const { realPath, path } = env as { readonly realPath?: string; readonly path: string }
    const file = (realPath ?? path).slice(repository.length)
    for (const token of tokens.filter(({ type }) => type === 'code_block')) {
      token.type = 'fence'
      token.info = 'text'
    }
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null
      if (href) token.attrSet('href', linkTarget(href, file, pages))
    }
  })
}

// What the search does not find in the API: signatures, tables, and headings below those of names.
const searchedElsewhere = /^```[^]*?^```$|^(?:#{4,6} |\||Defined in: ).*$/gm

const renderForSearch: NonNullable<DefaultTheme.LocalSearchOptions['_render']> = (text, env, markdown) => {
  const isApi = env.path.includes('/docs/reference/api/')
  return markdown.render(isApi ? text.replaceAll(searchedElsewhere, '') : text, env)
}

/** A page becomes a component, which imports Vue: from here also where the page lies outside this folder. */
const vueForAllPages: Plugin = {
  name: 'vue-for-all-pages',
  enforce: 'pre',
  resolveId(id, importer, options) {
    if (!/^vue($|\/)/.test(id) || !importer?.endsWith('.md')) return null
    return this.resolve(id, fileURLToPath(import.meta.url), { ...options, skipSelf: true })
  },
}

// The pages lie where the repository's readers look for them, so the sources are all of it, and each file that is not a page
// is left out.
export default defineConfig({
  title: 'SSE toolkit',
  description,
  base: process.env['DOCS_BASE'] ?? '/',
  srcDir: '..',
  srcExclude: [
    '!(docs|packages|bench|examples)/**/*',
    '!(ARCHITECTURE|SECURITY).md',
    'packages/*/!(README).md',
    'packages/*/*/**/*',
    'bench/*/**/*',
    'examples/*/**/*',
  ],
  rewrites: Object.fromEntries(pages),
  cleanUrls: true,
  lastUpdated: false,
  markdown: {
    anchor: { slugify: headingSlug },
    config: configureMarkdown,
  },
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start/' },
      { text: 'Guides', link: '/guides/resuming' },
      { text: 'Reference', link: '/reference/sse-server' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: 'local', options: { _render: renderForSearch } },
    socialLinks: [{ icon: 'github', link: 'https://github.com/sse-toolkit/sse-toolkit' }],
  },
  vite: {
    plugins: [vueForAllPages, llmstxt({ excludeIndexPage: false })],
  },
})
