import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { ScriptedExchange, ScriptedServer } from '@sse-toolkit/testing/node'
import type { Browser, Page } from 'playwright-core'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { useEventSource } from '../../src/react/index.ts'
import { bundleForBrowsers } from '../browser/bundle.ts'
import type { PageGlobals, Props } from './page.ts'

const chromium = findChromium()

describe('useEventSource on the server', () => {
  it('on the server, useEventSource opens nothing and returns the status connecting', () => {
    const Stream = (): string => JSON.stringify(useEventSource('http://127.0.0.1:9/never'))
    const html = renderToString(createElement(Stream)).replaceAll('&quot;', '"')
    expect(JSON.parse(html)).toEqual({ status: { state: 'connecting', attempt: 0 } })
  })
})

describe.skipIf(chromium.skip)('useEventSource in Chromium, under StrictMode', () => {
  let script = ''
  let browser: Browser
  let page: Page
  let server: ScriptedServer
  /** The exchanges of streams, by the order of their requests. */
  let streams: ScriptedExchange[]

  beforeAll(async () => {
    const contents = await readFile(join(import.meta.dirname, 'page.ts'), 'utf8')
    script = (await bundleForBrowsers(contents, { format: 'iife', resolveDir: import.meta.dirname })).code
    browser = await launchChromium(chromium)
  })

  afterAll(async () => {
    await browser.close()
  })

  beforeEach(async () => {
    streams = []
    server = await startScriptedServer(async (exchange) => {
      const { target } = exchange.request
      if (target.startsWith('/stream')) {
        streams.push(exchange)
        await exchange.writeEventStreamHead()
        const after = Number(exchange.request.headers.get('last-event-id') ?? 0)
        await exchange.writeBody(
          `${target.includes('ours') ? ': sse-toolkit 1\n' : ''}id: ${after + 1}\ndata: ${after + 1}\n\n`,
        )
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

  const render = (props: Props): Promise<void> =>
    page.evaluate((given) => (globalThis as unknown as PageGlobals).render(given), props)
  const call = (name: 'unmount' | 'reconnect'): Promise<void> =>
    page.evaluate((method) => (globalThis as unknown as PageGlobals)[method](), name)
  const read = (name: 'calls' | 'texts' | 'renders'): Promise<string[]> =>
    page.evaluate((list) => (globalThis as unknown as PageGlobals)[list], name)
  const text = (): Promise<string> => page.locator('main').innerText()
  const last = (): ScriptedExchange => {
    const exchange = streams.at(-1)
    if (exchange === undefined) throw new Error('no stream was asked for')
    return exchange
  }

  it('useEventSource shows the status and the newest event, over one connection', async () => {
    await render({ url: '/stream', label: 'a' })
    await expect.poll(text).toBe('open "1" 1')
    await last().writeBody('id: 2\ndata: 2\n\n')
    await expect.poll(text).toBe('open "2" 2')
    expect(streams).toHaveLength(1)
  })

  it('a component renders once for events that arrive together', async () => {
    await render({ url: '/stream', label: 'a' })
    await expect.poll(text).toBe('open "1" 1')
    await last().writeBody('data: 2\n\ndata: 3\n\ndata: 4\n\n')
    await expect.poll(text).toBe('open "4" 4')
    expect((await read('texts')).slice(-2)).toEqual(['open "1" 1', 'open "4" 4'])
  })

  it('useEventSource calls the functions of the last render, and keeps its connection when only they change', async () => {
    await render({ url: '/stream?ours', label: 'a' })
    await expect.poll(text).toBe('open "1" 1')
    await render({ url: '/stream?ours', label: 'b' })
    await last().writeBody('id: x-3\nevent: stream.gap\ndata: {"reason":"evicted"}\n\n')
    await expect.poll(() => read('calls')).toContain('b: gap evicted')
    await call('reconnect')
    await expect.poll(() => streams.length).toBe(2)
    expect(streams.map(({ request }) => request.headers.get('x-label'))).toEqual(['a', 'b'])
    expect((await read('calls'))[0]).toBe('a: "1"')
  })

  it('useEventSource calls onError for data that cannot be decoded', async () => {
    await render({ url: '/stream', label: 'a', options: { data: 'json' } })
    await expect.poll(text).toBe('open 1 1')
    await last().writeBody('data: {\n\n')
    await expect.poll(() => read('calls')).toContain('a: invalid-json')
  })

  it('useEventSource opens a new stream for a new URL, without the previous event', async () => {
    await render({ url: '/stream?1', label: 'a' })
    await expect.poll(text).toBe('open "1" 1')
    await render({ url: '/stream?2', label: 'a' })
    await expect.poll(text).toBe('open "1" 2')
    await streams[0]?.closed
    expect(streams.map(({ request }) => request.headers.get('last-event-id'))).toEqual([undefined, undefined])
    expect(await read('texts')).toContain('connecting - 1')
  })

  it('useEventSource opens no stream without a URL', async () => {
    await render({ url: null, label: 'a' })
    await expect.poll(text).toBe('paused - 0')
    await render({ url: '/stream', label: 'a' })
    await expect.poll(text).toBe('open "1" 1')
    await render({ url: null, label: 'a' })
    await expect.poll(text).toBe('paused - 1')
    await last().closed
    expect(streams).toHaveLength(1)
  })

  it('useEventSource closes the connection when the component is unmounted', async () => {
    await render({ url: '/stream', label: 'a' })
    await expect.poll(text).toBe('open "1" 1')
    await call('unmount')
    await last().closed
    expect(streams).toHaveLength(1)
  })

  it('useEventSource disconnects when its component is hidden, and resumes after the last event', async () => {
    await render({ url: '/stream', label: 'a' })
    await expect.poll(text).toBe('open "1" 1')
    await render({ url: '/stream', label: 'a', isHidden: true })
    await last().closed
    await render({ url: '/stream', label: 'a' })
    await expect.poll(text).toBe('open "2" 2')
    expect(streams.map(({ request }) => request.headers.get('last-event-id'))).toEqual([undefined, '1'])
  })

  it('useEventSource does not reopen a closed stream when its component is hidden and shown again', async () => {
    await render({ url: '/stream?ours', label: 'a' })
    await expect.poll(text).toBe('open "1" 1')
    await last().writeBody('event: stream.end\ndata: {"reason":"completed"}\n\n')
    await expect.poll(text).toMatch(/^closed completed /)
    const shown = await text()
    await render({ url: '/stream?ours', label: 'a', isHidden: true })
    await render({ url: '/stream?ours', label: 'b' })
    await expect.poll(() => read('renders')).toContain('b')
    expect([await text(), streams.length]).toEqual([shown, 1])
  })

  it('useEventSource sends a POST once: a component that was hidden while it ran shows that it ended', async () => {
    const options = { method: 'POST' }
    await render({ url: '/stream', label: 'a', options })
    await expect.poll(text).toBe('open "1" 1')
    await render({ url: '/stream', label: 'a', options, isHidden: true })
    await last().closed
    await render({ url: '/stream', label: 'a', options })
    await expect.poll(text).toBe('closed interrupted "1" 1')
    expect(streams).toHaveLength(1)
  })

  it('an invalid option reaches the error boundary', async () => {
    await render({ url: '/stream', label: 'a', options: { connectTimeoutMs: -1 } })
    await expect.poll(text).toBe('connectTimeoutMs: expected a number from 0, got -1.')
  })
})
