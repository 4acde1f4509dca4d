import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findChromium, findFreePort, launchChromium, startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../integration/running-demo.ts'
import { root, run } from './packed-project.ts'

// The site as it is published, below a path of its host: built, which fails on a dead link, and served.

const chromium = findChromium()
const folder = join(root, 'docs')
const dist = join(folder, '.vitepress/dist')
const base = '/sse-toolkit/'
const variables = { DOCS_BASE: base }

async function built(path: string): Promise<string> {
  return readFile(join(dist, path), 'utf8')
}

function hrefsOf(html: string): readonly string[] {
  return [...html.matchAll(/<a [^>]*?href="([^"]+)"/g)].map(([, href = '']) => href)
}

/** How much wider than the window the page is. A table or a line of code may be wider, and scrolls by itself. */
function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

beforeAll(async () => {
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    readonly packageManager: string
  }
  // The workspace of the site is its own. A pnpm that a script of another pnpm calls does not install by itself.
  await run('npx', ['--yes', packageManager, 'install', '--frozen-lockfile'], folder)
  await run('npx', ['--yes', packageManager, 'build'], folder, variables)
}, 600_000)

describe('the built site', () => {
  it('has the pages of the repository, the READMEs of packages among them', async () => {
    expect((await built('reference/sse-server.html')).includes('hub.subscribe')).toBe(true)
    expect((await built('how/architecture.html')).includes('Bird')).toBe(true)
    expect((await built('reference/api/sse-server/node.html')).includes('openEventStream')).toBe(true)
  })

  it('links from page to page, and to the repository for files that are not pages', async () => {
    const links = hrefsOf(await built('deployment/nginx.html'))
    expect(links).toContain(`${base}guides/six-connections`)
    expect(links).toContain(
      'https://github.com/sse-toolkit/sse-toolkit/blob/main/test/abroad/deployment.test.ts',
    )
    expect(links.filter((href) => href.startsWith('.'))).toEqual([])
  })

  it('has every anchor that its pages link to', async () => {
    const pages = new Map<string, { ids: ReadonlySet<string>; links: readonly string[] }>()
    for await (const path of glob('**/*.html', { cwd: dist })) {
      const text = await built(path)
      pages.set(`${base}${path.replace(/(index)?\.html$/, '')}`, {
        ids: new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id)),
        links: hrefsOf(text.slice(text.indexOf('<main'))),
      })
    }
    expect(pages.size).toBeGreaterThan(30)
    const missing = [...pages].flatMap(([page, { links }]) =>
      links
        .map((href) => new URL(href, `http://localhost${page}`))
        .filter(({ host, hash, pathname }) => {
          const anchor = decodeURIComponent(hash.slice(1))
          return host === 'localhost' && anchor !== '' && !pages.get(pathname)?.ids.has(anchor)
        })
        .map(({ pathname, hash }) => `${page} leads to ${pathname}${hash}`),
    )
    expect(missing).toEqual([])
  })

  it('lists every page for programs that read text', async () => {
    const list = await built('llms.txt')
    for (const page of ['guides/choosing-a-log', 'how/simulation', 'reference/wire-contract'])
      expect(list).toContain(`/${page}.md`)
  })
})

describe.skipIf(chromium.skip)('the site in a browser', () => {
  let server: StartedProcess
  let browser: Browser
  let page: Page
  let troubles: string[]
  let url: string

  beforeAll(async () => {
    const port = await findFreePort()
    server = await startProcess({
      command: join(folder, 'node_modules/.bin/vitepress'),
      args: ['preview', '.', '--port', String(port)],
      cwd: folder,
      env: variables,
      ready: /Built site served at/,
    })
    url = `http://localhost:${port}${base}`
    browser = await launchChromium(chromium)
  })

  afterAll(async () => {
    await browser.close()
    await server.kill()
  })

  beforeEach(async () => {
    page = await browser.newPage()
    troubles = []
    page.on('pageerror', (error) => troubles.push(error.message))
    page.on('requestfailed', (request) => troubles.push(request.url()))
  })

  afterEach(async () => {
    await page.close()
  })

  it.each([
    [1440, 900],
    [390, 844],
  ])('finds and opens a page, %i px wide', async (width, height) => {
    await page.setViewportSize({ width, height })
    await page.goto(url)
    expect(await page.locator('h1').first().innerText()).toContain('SSE toolkit')

    await page.locator('#local-search button').click()
    await page.locator('.VPLocalSearchBox input').fill('Last-Event-ID')
    const results = page.locator('.VPLocalSearchBox .result')
    await eventually(() => results.count()).toBeGreaterThan(1)
    await results.first().click()
    await page.waitForURL((opened) => opened.href !== url)
    expect(await page.locator('.vp-doc h1').innerText()).not.toBe('')

    expect({ overflow: await overflowOf(page), troubles }).toEqual({ overflow: 0, troubles: [] })
  })

  it.each(['', 'troubleshooting', 'reference/errors', 'reference/api/sse-server', 'how/architecture'])(
    'shows /%s on a phone without scrolling sideways',
    async (path) => {
      await page.setViewportSize({ width: 390, height: 844 })
      await page.goto(url + path)
      expect({ overflow: await overflowOf(page), troubles }).toEqual({ overflow: 0, troubles: [] })
    },
  )

  it('answers an unknown address with a page that says so', async () => {
    const response = await page.goto(`${url}none`)
    expect(response?.status()).toBe(404)
    expect(await page.locator('.NotFound').innerText()).toContain('404')
  })
})
