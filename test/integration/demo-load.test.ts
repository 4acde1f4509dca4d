import { fileURLToPath } from 'node:url'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createContext, createRouter } from '@sse-toolkit/http-core'
import { findChromium, launchChromium, startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LoadFigures } from '../../apps/demo/src/load/load-figures.ts'
import { addLoadRoutes } from '../../apps/demo/src/server/load/routes.ts'
import { systemRuntime } from '../../apps/demo/src/server/runtime.ts'
import { createEventScanner } from '../../apps/demo/src/server/load/event-scanner.ts'
import { createLatencyHistogram } from '../../apps/demo/src/server/load/latency-histogram.ts'

const chromium = findChromium()
const DEMO = fileURLToPath(new URL('../../apps/demo/src/main.ts', import.meta.url))

describe('the latency histogram', () => {
  it('tells percentiles within five per cent', () => {
    const histogram = createLatencyHistogram()
    for (let ms = 1; ms <= 1_000; ms += 1) histogram.add(ms)
    for (const share of [0.1, 0.5, 0.9, 0.99, 1]) {
      const ratio = histogram.percentile(share) / (share * 1_000)
      expect(ratio).toBeGreaterThan(0.95)
      expect(ratio).toBeLessThan(1.05)
    }
  })

  it('has a place for the smallest and the largest, and for nothing', () => {
    const histogram = createLatencyHistogram()
    expect(histogram.percentile(0.5)).toBe(0)
    histogram.add(-1)
    expect(histogram.percentile(0.5)).toBe(0.01)
    histogram.clear()
    histogram.add(1e12)
    expect(histogram.percentile(0.5)).toBeGreaterThan(300_000)
  })
})

describe('the event scanner', () => {
  const wire = ': heartbeat 15000\n\nid: a-1\ndata: {"at":12.5}\n\nid: a-2\ndata: {"at":13}\n\n:\n\n'

  it.each([1, 2, 3, 7, 19, 1_000])('finds each event once in pieces of %i', (size) => {
    const seen: number[] = []
    const scan = createEventScanner((at) => seen.push(at))
    for (let begin = 0; begin < wire.length; begin += size) scan(wire.slice(begin, begin + size))
    expect(seen).toEqual([12.5, 13])
  })
})

it('is for pages on the machine itself, unless faults are allowed to all', async () => {
  const ask = async (faultReach: 'loopback' | 'anywhere', site: string): Promise<number> => {
    const router = createRouter()
    addLoadRoutes(router, {
      nodes: 1,
      ownUrl: () => 'http://127.0.0.1:1/',
      faultReach,
      runtime: systemRuntime,
    })
    const request = new Request('http://192.0.2.2/load', {
      method: 'POST',
      headers: { host: '192.0.2.2', 'sec-fetch-site': site },
      body: '{}',
    })
    const response = await router.fetch(request, createContext({ remoteAddress: '192.0.2.1' }))
    return response.status
  }
  expect(await ask('loopback', 'same-origin')).toBe(403)
  expect(await ask('anywhere', 'cross-site')).toBe(403)
  // Past the guard: an order without figures.
  expect(await ask('anywhere', 'same-origin')).toBe(400)
})

describe('a load', () => {
  let demo: StartedProcess
  let url: string

  beforeAll(async () => {
    demo = await startProcess({
      args: [DEMO, '--port', '0'],
      env: { PORT: undefined },
      ready: /The demo runs at \S+ /,
    })
    url = /runs at (\S+)/.exec(demo.stdout)?.[1] ?? ''
  })
  afterAll(async () => {
    await demo.kill()
  })

  const post = (order: unknown, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL('/load', url), { method: 'POST', body: JSON.stringify(order), ...init })

  const stop = async (): Promise<unknown> => (await fetch(new URL('/load', url), { method: 'DELETE' })).json()

  it('delivers each event to each client, and tells what that takes', async () => {
    const stream = createEventSource(new URL('/load', url), {
      method: 'POST',
      body: JSON.stringify({ clients: 50, rate: 40 }),
      data: 'json',
      reconnection: { maxAttempts: 0 },
    })
    const seen: LoadFigures[] = []
    for await (const { type, data } of stream) {
      if (type === 'ended') {
        expect(data).toEqual({ reason: 'stopped' })
        break
      }
      seen.push(data as LoadFigures)
      if (seen.length === 6) expect(await stop()).toEqual({ stopped: 1 })
    }
    const last = seen.at(5)
    expect(last).toMatchObject({ connected: 50, failed: 0 })
    expect(last?.published).toBeGreaterThan(20)
    // What was published since the clients' last word is on its way.
    expect(last?.deliveries).toBeGreaterThan(20 * 50)
    expect(last?.deliveries).toBeLessThanOrEqual((last?.published ?? 0) * 50)
    expect(last?.p50Ms).toBeGreaterThan(0)
    expect(last?.p99Ms).toBeGreaterThanOrEqual(last?.p50Ms ?? Infinity)
    expect(last?.server.residentBytes).toBeGreaterThan(10_000_000)
    expect(last?.worker.cpu).toBeGreaterThan(0)
    expect(await stop()).toEqual({ stopped: 0 })
  })

  it('ends when its page goes, and lets no other run beside it', async () => {
    const page = new AbortController()
    const response = await post({ clients: 1, rate: 1 }, { signal: page.signal })
    await response.body?.getReader().read()
    const other = await post({ clients: 1, rate: 1 })
    expect([other.status, await other.text()]).toEqual([409, 'Another load runs: end it first.\n'])
    page.abort()
    await expect
      .poll(async () => {
        const next = await post({ clients: 1, rate: 1 })
        await next.body?.cancel()
        return next.status
      })
      .toBe(200)
    await stop()
  })

  it.each([
    [{}, 'clients is missing: it must be a number from 1 to 5000.\n'],
    [{ clients: 5_001, rate: 1 }, 'clients is 5001: it must be a number from 1 to 5000.\n'],
    [{ clients: 1, rate: 0.5 }, 'rate is 0.5: it must be a number from 1 to 1000.\n'],
    [{ clients: 5_000, rate: 100 }, 'clients times rate is 500000: it must be at most 200000.\n'],
  ])('refuses %j', async (order, text) => {
    const response = await post(order)
    expect([response.status, await response.text()]).toEqual([400, text])
  })

  it('is for pages on this machine, and its events for its own clients', async () => {
    expect(
      (await post({ clients: 1, rate: 1 }, { headers: { 'sec-fetch-site': 'cross-site' } })).status,
    ).toBe(403)
    expect((await fetch(new URL('/load/events?run=', url))).status).toBe(404)
    expect((await fetch(new URL('/load/events', url))).status).toBe(404)
  })

  it.skipIf(chromium.skip)('is begun, drawn and ended from the page', async () => {
    const browser = await launchChromium(chromium)
    try {
      const page = await browser.newPage()
      await page.goto(`${url}#/load`)
      const status = (): Promise<string> => page.locator('.load-status').innerText()
      await page.getByLabel('Clients').fill('5000')
      await page.getByLabel('Events a second').fill('1000')
      await page.getByRole('button', { name: 'Start' }).click()
      expect(await status()).toBe('5,000,000 deliveries a second are too many: at most 200,000.')
      await page.getByLabel('Clients').fill('20')
      await page.getByLabel('Events a second').fill('10')
      await page.getByRole('button', { name: 'Start' }).click()
      await expect
        .poll(status, { timeout: 10_000 })
        .toMatch(/^20 of 20 clients connected .+ [1-9]\d* deliveries$/)
      expect(await page.locator('.load .legend dd').allInnerTexts()).not.toContain('\u2013')
      // Whoever leaves the view has left the load.
      await page.getByRole('link', { name: 'Overview' }).click()
      await expect.poll(async () => (await post({ clients: 1, rate: 1 })).status).toBe(200)
      await stop()
    } finally {
      await browser.close()
    }
  })

  it('leaves no process behind when the server stops', async () => {
    const response = await post({ clients: 5, rate: 5 })
    await response.body?.getReader().read()
    expect(await demo.stop({ signal: 'SIGINT', timeoutMs: 8_000 })).toEqual({ code: 0, signal: null })
    expect(demo.stderr).toBe('')
  })
})
