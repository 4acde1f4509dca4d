import { startScriptedServer } from '@sse-toolkit/testing/node'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { ScriptedServer } from '@sse-toolkit/testing/node'
import type { Browser, Page } from 'playwright-core'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundleForBrowsers } from './bundle.ts'

const PAGE_SCRIPT = `
  import { createEventSource, localStorageStore } from '../../src/index.ts'
  globalThis.start = (url, options, storeKey) => {
    const lastEventIdStore = storeKey ? { lastEventIdStore: localStorageStore(storeKey) } : {}
    globalThis.source = createEventSource(url, { ...options, ...lastEventIdStore })
    globalThis.seen = []
    source.onAny((event) => seen.push(event.data))
    source.onStatus((status) => seen.push(status.state))
  }
  /** What the browser does when a tab is hidden, which headless Chromium never is. */
  globalThis.setVisibility = (state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }
`

interface PageGlobals {
  start(url: string, options: object, storeKey?: string): void
  seen: string[]
  setVisibility(state: 'visible' | 'hidden'): void
}

const chromium = findChromium()

describe.skipIf(chromium.skip)('a page in Chromium', () => {
  let script = ''
  let browser: Browser
  let page: Page
  let server: ScriptedServer

  beforeAll(async () => {
    script = (await bundleForBrowsers(PAGE_SCRIPT, { format: 'iife' })).code
  })

  beforeEach(async () => {
    browser = await launchChromium(chromium)
    server = await startScriptedServer(async (exchange) => {
      const { target } = exchange.request
      if (target === '/runner.js')
        await exchange.respond({ status: 200, headers: { 'content-type': 'text/javascript' }, body: script })
      else if (target === '/page')
        await exchange.respond({
          status: 200,
          headers: { 'content-type': 'text/html' },
          body: '<!doctype html><script src="/runner.js"></script>',
        })
      else if (target !== '/stream') await exchange.respond({ status: 404 })
      else {
        const after = Number(exchange.request.headers.get('last-event-id') ?? 0)
        await exchange.writeEventStreamHead()
        await exchange.writeBody(`id: ${after + 1}\ndata: ${after + 1}\n\n`)
      }
    })
    page = await browser.newPage()
    await page.goto(`${server.url}/page`)
  })

  afterEach(async () => {
    await browser.close()
    await server.close()
  })

  const start = (options: object, storeKey?: string): Promise<void> =>
    page.evaluate(([given, key]) => (globalThis as unknown as PageGlobals).start('/stream', given, key), [
      options,
      storeKey,
    ] as const)
  const seen = (): Promise<string[]> => page.evaluate(() => (globalThis as unknown as PageGlobals).seen)
  const show = (state: 'visible' | 'hidden'): Promise<void> =>
    page.evaluate((to) => (globalThis as unknown as PageGlobals).setVisibility(to), state)
  const streams = (): number => server.requests.filter(({ target }) => target === '/stream').length

  it('a page reconnects at once when the network is back, however long it was going to wait', async () => {
    await start({ reconnection: { baseDelayMs: 600_000, maxDelayMs: 600_000, minDelayMs: 600_000 } })
    await expect.poll(seen).toEqual(['open', '1'])
    const context = page.context()
    await context.setOffline(true)
    await page.evaluate(() => fetch('/x').catch(() => {}))
    // Going offline breaks no connection by itself; the server's end does.
    await page.evaluate(() => (globalThis as unknown as { source: { reconnect(): void } }).source.reconnect())
    await expect.poll(async () => (await seen()).at(-1)).toBe('reconnecting')
    await context.setOffline(false)
    await expect.poll(seen).toEqual(['open', '1', 'connecting', 'reconnecting', 'connecting', 'open', '2'])
  })

  it('a page stays connected by default when it is hidden', async () => {
    await start({})
    await expect.poll(seen).toEqual(['open', '1'])
    await show('hidden')
    await show('visible')
    await page.waitForTimeout(100)
    expect([await seen(), streams()]).toEqual([['open', '1'], 1])
  })

  it('with whenHidden: pause, a hidden page disconnects, and resumes where it was when shown', async () => {
    await start({ whenHidden: 'pause' })
    await expect.poll(seen).toEqual(['open', '1'])
    await show('hidden')
    expect((await seen()).at(-1)).toBe('paused')
    await page.waitForTimeout(100)
    expect(streams()).toBe(1)
    await show('visible')
    await expect.poll(seen).toEqual(['open', '1', 'paused', 'connecting', 'open', '2'])
  })

  it('with whenHidden: pause, a page that is hidden from the start does not connect', async () => {
    await show('hidden')
    await start({ whenHidden: 'pause' })
    await page.waitForTimeout(100)
    expect([
      streams(),
      await page.evaluate(() => (globalThis as unknown as { source: { status: unknown } }).source.status),
    ]).toEqual([0, { state: 'paused' }])
    await show('visible')
    await expect.poll(seen).toEqual(['connecting', 'open', '1'])
  })

  it('after a reload, a page resumes at the position stored in localStorage', async () => {
    await start({}, 'position')
    await expect.poll(seen).toEqual(['open', '1'])
    await page.reload()
    await start({}, 'position')
    await expect.poll(seen).toEqual(['open', '2'])
    expect(await page.evaluate(() => localStorage.getItem('position'))).toBe('2')
  })
})
