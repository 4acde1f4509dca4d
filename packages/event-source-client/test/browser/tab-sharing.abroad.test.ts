import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLedger } from '@sse-toolkit/testing'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundleForBrowsers } from './bundle.ts'
import type { Bundle } from './bundle.ts'

/** What a page offers to the test. */
const PAGE_SCRIPT = `
  import { createEventSource } from '../../src/index.ts'
  globalThis.seen = []
  globalThis.open = (page, options) => {
    const source = createEventSource('/numbers', {
      share: 'origin',
      headers: { 'x-page': page },
      reconnection: { baseDelayMs: 50, minDelayMs: 10, maxDelayMs: 200 },
      ...options,
    })
    globalThis.source = source
    globalThis.comments = 0
    globalThis.gaps = []
    source.on('message', (event) => seen.push(Number(event.data)))
    source.onComment(() => globalThis.comments++)
    source.onGap((gap) => gaps.push(gap.reason))
  }
`

/** The page's globals, as the functions that run there see them. */
interface PageGlobals {
  seen: number[]
  comments: number
  gaps: string[]
  open(page: string, options?: object): void
  source: {
    status: { state: string; reason?: string; cause?: { name: string; code: string; message: string } }
    lastEventId: string
    close(): void
    reconnect(): void
  }
}

const chromium = findChromium()

describe.skipIf(chromium.skip)('share: origin, in Chromium on HTTP/1.1', () => {
  let script = ''
  let split: Bundle
  let browser: Browser
  let context: BrowserContext
  let server: Awaited<ReturnType<typeof startNumbers>>

  /** A log of numbers with our ids, one more every 5 ms, that replays after Last-Event-ID as our hub does. */
  async function startNumbers() {
    const listeners = new Map<() => void, string>()
    let last = 0
    let requests = 0
    let isEnded = false
    const timer = setInterval(() => {
      if (!isEnded) last += 1
      for (const listener of listeners.keys()) listener()
    }, 5)
    const http = createServer((request, response) => {
      if (request.url !== '/numbers') {
        sendPage(request.url ?? '', response)
        return
      }
      requests += 1
      const position = String(request.headers['last-event-id'])
      const resumeAfter = position === 'earliest' ? '0' : /^log-(\d+)$/.exec(position)?.[1]
      let sent = resumeAfter === undefined ? last : Number(resumeAfter)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`: sse-toolkit 1\n: heartbeat 15000\nid: log-${sent}\n\n`)
      const flush = (): void => {
        while (sent < last) {
          sent += 1
          response.write(`id: log-${sent}\ndata: ${sent}\n\n`)
        }
        if (isEnded) response.end('event: stream.end\ndata: {"topic":"numbers"}\n\n')
      }
      listeners.set(flush, String(request.headers['x-page']))
      response.on('close', () => listeners.delete(flush))
    })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    return {
      url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
      last: () => last,
      requests: () => requests,
      end: () => (isEnded = true),
      cut: () => http.closeAllConnections(),
      /** The pages that hold a connection. */
      leaders: () => [...listeners.values()],
      async close() {
        clearInterval(timer)
        http.closeAllConnections()
        http.close()
        await once(http, 'close')
      },
    }
  }

  /** `/` has all in one script; `/split` loads the sharing on demand, and `/broken` fails to. */
  function sendPage(path: string, response: ServerResponse): void {
    const [directory = '', file = ''] = path.slice(1).split('/')
    const chunk = directory === 'split' ? split.chunks.get(file) : undefined
    if (file === 'runner.js' || chunk !== undefined) {
      response.setHeader('content-type', 'text/javascript')
      response.end(chunk ?? split.code)
    } else if (path === '/runner.js') response.end(script)
    else if (path === '/') response.end('<script src="/runner.js"></script>')
    else if (file === '') response.end(`<script type="module" src="/${directory}/runner.js"></script>`)
    else {
      response.statusCode = 404
      response.end()
    }
  }

  beforeAll(async () => {
    split = await bundleForBrowsers(PAGE_SCRIPT, { split: true })
    script = (await bundleForBrowsers(PAGE_SCRIPT, { format: 'iife' })).code
  })

  beforeEach(async () => {
    browser = await launchChromium(chromium)
    context = await browser.newContext()
    server = await startNumbers()
  })

  afterEach(async () => {
    await browser.close()
    await server.close()
  })

  async function openPage(name: string, options: object = {}, path = ''): Promise<Page> {
    const page = await context.newPage()
    await page.goto(server.url + path)
    await page.evaluate(([pageName, given]) => (globalThis as unknown as PageGlobals).open(pageName, given), [
      name,
      options,
    ] as const)
    return page
  }

  const seenBy = (page: Page): Promise<number[]> =>
    page.evaluate(() => (globalThis as unknown as PageGlobals).seen)

  async function untilAllSaw(pages: Iterable<Page>, seq: number): Promise<void> {
    for (const page of pages)
      await expect
        .poll(async () => (await seenBy(page)).at(-1) ?? 0, { timeout: 10_000 })
        .toBeGreaterThanOrEqual(seq)
  }

  it('eight pages share one connection; closing its holder and killing the next loses and repeats no event', async () => {
    const pages = new Map<string, Page>()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) pages.set(name, await openPage(name))
    await untilAllSaw(pages.values(), server.last())
    expect(server.leaders()).toEqual(['a'])

    await pages.get('a')?.close()
    pages.delete('a')
    await untilAllSaw(pages.values(), server.last() + 20)
    const [second = ''] = server.leaders()
    expect(pages.has(second)).toBe(true)

    const doomed = pages.get(second)
    pages.delete(second)
    if (doomed) {
      const session = await context.newCDPSession(doomed)
      const crashed = doomed.waitForEvent('crash')
      session.send('Page.crash').catch(() => {})
      await crashed
    }
    await untilAllSaw(pages.values(), server.last() + 20)
    expect(server.leaders()).toHaveLength(1)

    const ledger = createLedger()
    const until = server.last()
    await untilAllSaw(pages.values(), until)
    for (let seq = 1; seq <= server.last() + 100; seq += 1) ledger.published('numbers', seq)
    for (const [name, page] of pages) {
      const seen = await seenBy(page)
      for (const seq of seen) ledger.received(name, 'numbers', seq)
      ledger.expectComplete({
        topic: 'numbers',
        readers: [name],
        first: seen[0] ?? 0,
        last: seen.at(-1) ?? 0,
      })
    }
    expect(pages.size).toBe(6)
  })

  it('a page that joins with an older position gets the events it lacks, and the others get no event twice', async () => {
    const first = await openPage('first')
    await untilAllSaw([first], 30)
    const late = await openPage('late', { lastEventId: 'log-5' })
    await untilAllSaw([first, late], server.last() + 10)
    const seen = await seenBy(late)
    expect(seen).toEqual(seen.map((_, index) => 6 + index))
    const others = await seenBy(first)
    expect(others).toEqual(others.map((_, index) => (others[0] ?? 0) + index))
    expect(server.leaders()).toEqual(['first'])
  })

  it('each page that joins with earliest gets the whole log, and no page gets an event twice', async () => {
    const pages: Page[] = []
    for (const name of ['a', 'b', 'c']) {
      pages.push(await openPage(name, { lastEventId: 'earliest' }))
      await untilAllSaw(pages, server.last() + 10)
    }
    expect(server.leaders()).toEqual(['a'])
    // One for the first page, and one more for each that joined.
    expect(server.requests()).toBe(3)
    for (const page of pages) {
      const seen = await seenBy(page)
      expect(seen).toEqual(seen.map((_, index) => 1 + index))
    }
  })

  it('the holder reestablishes a lost connection, and all pages go on', async () => {
    const pages = [await openPage('a'), await openPage('b')]
    await untilAllSaw(pages, server.last() + 5)
    server.cut()
    await untilAllSaw(pages, server.last() + 50)
    expect(server.leaders()).toEqual(['a'])
    for (const page of pages) {
      const seen = await seenBy(page)
      expect(seen).toEqual(seen.map((_, index) => (seen[0] ?? 0) + index))
    }
  })

  it('status, comments and reconnect() work in a page that does not hold the connection', async () => {
    const leader = await openPage('leader')
    await untilAllSaw([leader], 5)
    const follower = await openPage('follower')
    await expect
      .poll(() => follower.evaluate(() => (globalThis as unknown as PageGlobals).source.status.state))
      .toBe('open')
    const before = server.requests()
    await follower.evaluate(() => (globalThis as unknown as PageGlobals).source.reconnect())
    await expect.poll(() => server.requests()).toBe(before + 1)
    await expect
      .poll(() => follower.evaluate(() => (globalThis as unknown as PageGlobals).comments))
      .toBeGreaterThan(0)
    // The server learns a moment later that the connection before is closed.
    await expect.poll(() => server.leaders()).toEqual(['leader'])
  })

  it('close() in the holder hands the connection over; close() in the last page closes it', async () => {
    const pages = [await openPage('a'), await openPage('b')]
    await untilAllSaw(pages, server.last() + 5)
    await pages[0]?.evaluate(() => (globalThis as unknown as PageGlobals).source.close())
    await expect.poll(() => server.leaders()).toEqual(['b'])
    await pages[1]?.evaluate(() => (globalThis as unknown as PageGlobals).source.close())
    await expect.poll(() => server.leaders()).toEqual([])
  })

  it('the end of the stream completes all pages, and no page requests it again', async () => {
    const pages = [await openPage('a'), await openPage('b'), await openPage('c')]
    await untilAllSaw(pages, server.last() + 5)
    const before = server.requests()
    server.end()
    for (const page of pages)
      await expect
        .poll(() => page.evaluate(() => (globalThis as unknown as PageGlobals).source.status))
        .toMatchObject({ state: 'closed', reason: 'completed' })
    expect(server.requests()).toBe(before)
    for (const page of pages) expect((await seenBy(page)).at(-1)).toBe(server.last())
  })
  it('a page whose bundler split the sharing code into a chunk loads it only when it shares', async () => {
    const requested: string[] = []
    context.on('request', (request) => requested.push(new URL(request.url()).pathname))
    const chunks = (): string[] => requested.filter((path) => path.includes('tab-sharing'))
    const alone = await openPage('alone', { share: 'none' }, 'split/')
    await untilAllSaw([alone], server.last() + 5)
    expect(chunks()).toEqual([])
    await alone.close()

    const pages = [await openPage('a', {}, 'split/'), await openPage('b', {}, 'split/')]
    await untilAllSaw(pages, server.last() + 5)
    expect(chunks()).toHaveLength(2)
    await expect.poll(() => server.leaders()).toEqual(['a'])
  })

  it('a page that cannot load the sharing code reports that, and can open a stream of its own', async () => {
    const page = await openPage('a', {}, 'broken/')
    const status = () =>
      page.evaluate(() => {
        const { state, reason, cause } = (globalThis as unknown as PageGlobals).source.status
        return {
          state,
          reason,
          cause: cause && { name: cause.name, code: cause.code, message: cause.message },
        }
      })
    await expect.poll(status).toEqual({
      state: 'closed',
      reason: 'error',
      cause: {
        name: 'ConnectionError',
        code: 'network',
        message: expect.stringMatching(/^Sharing failed: .*tab-sharing/),
      },
    })
    expect(server.requests()).toBe(0)
    await page.evaluate(() => (globalThis as unknown as PageGlobals).open('a', { share: 'none' }))
    await untilAllSaw([page], 5)
  })
})
