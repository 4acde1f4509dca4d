import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { ScriptedExchange, ScriptedServer } from '@sse-toolkit/testing/node'
import type { Browser, Page } from 'playwright-core'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSharedEventSource } from '../../src/react/shared.ts'
import { bundleForBrowsers } from '../browser/bundle.ts'
import type { SharedGlobals, SharedProps } from './shared-page.ts'

const chromium = findChromium()

describe('createSharedEventSource on the server', () => {
  it('opens nothing, and useEvents names the missing Provider in its error', () => {
    const shared = createSharedEventSource()
    const Reader = (): string => shared.useEvents().status.state
    const provider = createElement(shared.Provider, { url: 'http://127.0.0.1:9/' }, createElement(Reader))
    expect(renderToString(provider)).toBe('connecting')
    expect(() => renderToString(createElement(Reader))).toThrow(/expected a Provider/)
    const another = createElement(createSharedEventSource().Provider, { url: null }, createElement(Reader))
    expect(() => renderToString(another)).toThrow(/expected a Provider/)
  })
})

describe.skipIf(chromium.skip)('createSharedEventSource in Chromium, under StrictMode', () => {
  let script = ''
  let browser: Browser
  let page: Page
  let server: ScriptedServer
  let streams: ScriptedExchange[]

  beforeAll(async () => {
    const contents = await readFile(join(import.meta.dirname, 'shared-page.ts'), 'utf8')
    script = (await bundleForBrowsers(contents, { format: 'iife', resolveDir: import.meta.dirname })).code
    browser = await launchChromium(chromium)
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    streams = []
    server = await startScriptedServer(async (exchange) => {
      const { target } = exchange.request
      if (target.startsWith('/stream')) {
        streams.push(exchange)
        await exchange.writeEventStreamHead()
        await exchange.writeBody(': sse-toolkit 1\n: opaque ids\n\n')
      } else {
        const [type, body] =
          target === '/page'
            ? ['text/html', '<!doctype html><main></main><script src="/runner.js"></script>']
            : ['text/javascript', script]
        await exchange.respond({ status: 200, headers: { 'content-type': type }, body })
      }
    })
    page = await browser.newPage()
    await page.goto(`${server.url}/page`)
  })
  afterEach(async () => {
    await page.close()
    await server.close()
  })

  const render = (props: SharedProps): Promise<void> =>
    page.evaluate((given) => (globalThis as unknown as SharedGlobals).render(given), props)
  const calls = (): Promise<string[]> => page.evaluate(() => (globalThis as unknown as SharedGlobals).calls)
  const renders = (): Promise<Record<string, number>> =>
    page.evaluate(() => ({ ...(globalThis as unknown as SharedGlobals).renders }))
  const texts = (): Promise<string[]> => page.locator('p').allInnerTexts()
  const readers = [{ name: 'all' }, { name: 'paid', type: 'paid' }, { name: 'topic', topic: 'orders' }]

  it('all components below share one connection, each with the events it selects', async () => {
    await render({ url: '/stream', label: 'a', readers })
    await expect.poll(texts).toEqual(['all open -', 'paid open -', 'topic open -'])
    await streams[0]?.writeBody('event: paid\ndata: 1\n\ntopic: orders\ndata: 2\n\n')
    await expect.poll(texts).toEqual(['all open 2', 'paid open 1', 'topic open 2'])
    expect(await calls()).toEqual(['provider a', 'all 1', 'paid 1', 'provider a', 'all 2', 'topic 2'])
    expect(streams).toHaveLength(1)
  })

  it('a component renders only for the events it selects', async () => {
    await render({ url: '/stream', label: 'a', readers })
    await expect.poll(texts).toEqual(['all open -', 'paid open -', 'topic open -'])
    const before = await renders()
    await streams[0]?.writeBody('data: 1\n\n')
    await expect.poll(texts).toEqual(['all open 1', 'paid open -', 'topic open -'])
    const after = await renders()
    expect([after['paid'], after['topic']]).toEqual([before['paid'], before['topic']])
    expect(after['all']).toBeGreaterThan(before['all'] ?? 0)
  })

  it('mounting and unmounting components opens no further connection; a component mounted later gets events from then on', async () => {
    await render({ url: '/stream', label: 'a', readers: [{ name: 'one' }] })
    await expect.poll(texts).toEqual(['one open -'])
    await streams[0]?.writeBody('data: 1\n\n')
    await expect.poll(texts).toEqual(['one open 1'])
    await render({ url: '/stream', label: 'b', readers: [{ name: 'one' }, { name: 'two' }] })
    await expect.poll(texts).toEqual(['one open 1', 'two open -'])
    await streams[0]?.writeBody('data: 2\n\n')
    await expect.poll(texts).toEqual(['one open 2', 'two open 2'])
    await render({ url: '/stream', label: 'b', readers: [{ name: 'two' }] })
    await expect.poll(texts).toEqual(['two open 2'])
    await streams[0]?.writeBody('data: 3\n\n')
    await expect.poll(texts).toEqual(['two open 3'])
    // The options of the last render, without a new connection for them.
    expect(await calls()).toEqual([
      'provider a',
      'one 1',
      'provider b',
      'one 2',
      'two 2',
      'provider b',
      'two 3',
    ])
    expect(streams).toHaveLength(1)
  })

  it('a new URL opens a new stream without the previous events; unmounting closes it', async () => {
    await render({ url: '/stream?1', label: 'a', readers: [{ name: 'one' }] })
    await expect.poll(texts).toEqual(['one open -'])
    await streams[0]?.writeBody('data: 1\n\n')
    await expect.poll(texts).toEqual(['one open 1'])
    await render({ url: '/stream?2', label: 'a', readers: [{ name: 'one' }] })
    await streams[0]?.closed
    await expect.poll(texts).toEqual(['one open -'])
    await render({ url: null, label: 'a', readers: [{ name: 'one' }] })
    await streams[1]?.closed
    await expect.poll(texts).toEqual(['one paused -'])
    await render({ url: '/stream?3', label: 'a', readers: [{ name: 'one' }] })
    await expect.poll(texts).toEqual(['one open -'])
    await page.evaluate(() => (globalThis as unknown as SharedGlobals).unmount())
    await streams[2]?.closed
    expect(streams).toHaveLength(3)
  })
})
