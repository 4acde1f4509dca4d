import { createEventSource } from '@sse-toolkit/event-source-client'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LoadFigures } from '../../apps/demo/src/load/load-figures.ts'
import { createLoadArbiter } from '../../apps/demo/src/server/nodes/load-arbiter.ts'
import type { ToNode } from '../../apps/demo/src/server/nodes/messages.ts'
import { createEventScanner } from '../../apps/demo/src/server/load/event-scanner.ts'
import { createLatencyHistogram } from '@sse-toolkit/cli/load'
import { startDemo } from './running-demo.ts'
import type { RunningDemo } from './running-demo.ts'

const chromium = findChromium()

describe('the latency histogram', () => {
  it('gives percentiles within five per cent', () => {
    const histogram = createLatencyHistogram()
    for (let ms = 1; ms <= 1_000; ms += 1) histogram.add(ms)
    for (const share of [0.1, 0.5, 0.9, 0.99, 1]) {
      const ratio = histogram.percentile(share) / (share * 1_000)
      expect(ratio).toBeGreaterThan(0.95)
      expect(ratio).toBeLessThan(1.05)
    }
  })

  it('handles the smallest value, the largest, and no value', () => {
    const histogram = createLatencyHistogram()
    expect(histogram.percentile(0.5)).toBe(0)
    histogram.add(-1)
    expect(histogram.percentile(0.5)).toBe(0.01)
    histogram.clear()
    histogram.add(1e12)
    expect(histogram.percentile(0.5)).toBeGreaterThan(300_000)
  })
})

it('the latency histogram counts by class', () => {
  const histogram = createLatencyHistogram()
  for (const ms of [0.2, 1.5, 1.6, 30, 3_000]) histogram.add(ms)
  expect(histogram.countsBetween([1, 10, 100])).toEqual([1, 2, 1, 1])
  histogram.clear()
  expect(histogram.countsBetween([1])).toEqual([0, 0])
})

describe('the claims of loads on three nodes', () => {
  function setUp() {
    const told: [node: number, message: ToNode][] = []
    return { arbiter: createLoadArbiter((node, message) => told.push([node, message])), told }
  }

  it('are granted to one at a time', () => {
    const { arbiter, told } = setUp()
    arbiter.take(1, { kind: 'load-claim', id: 7 })
    arbiter.take(2, { kind: 'load-claim', id: 7 })
    arbiter.take(2, { kind: 'load-release' })
    arbiter.take(3, { kind: 'load-claim', id: 1 })
    arbiter.take(1, { kind: 'load-release' })
    arbiter.take(3, { kind: 'load-claim', id: 2 })
    expect(told.map(([node, message]) => [node, 'count' in message && message.count])).toEqual([
      [1, 1],
      [2, 0],
      [3, 0],
      [3, 1],
    ])
  })

  it('are released when their node is gone, and callers that await the end are notified', () => {
    const { arbiter, told } = setUp()
    arbiter.take(2, { kind: 'load-stop-wanted', id: 1 })
    arbiter.take(1, { kind: 'load-claim', id: 1 })
    arbiter.take(2, { kind: 'load-stop-wanted', id: 2 })
    arbiter.forget(3)
    expect(told.splice(0)).toEqual([
      [2, { kind: 'load-answer', count: 0, id: 1 }],
      [1, { kind: 'load-answer', count: 1, id: 1 }],
      [1, { kind: 'load-stop' }],
    ])
    arbiter.forget(1)
    arbiter.take(2, { kind: 'load-claim', id: 3 })
    expect(told).toEqual([
      [2, { kind: 'load-answer', count: 1, id: 2 }],
      [2, { kind: 'load-answer', count: 1, id: 3 }],
    ])
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

describe('a load', () => {
  let demo: RunningDemo

  beforeAll(async () => {
    demo = await startDemo()
  })
  afterAll(async () => {
    await demo.process.kill()
  })

  const askLoad = (init: RequestInit): Promise<Response> =>
    fetch(`${demo.url}load`, { headers: { authorization: demo.authorization }, ...init })
  const post = (order: unknown, init: RequestInit = {}): Promise<Response> =>
    askLoad({ method: 'POST', body: JSON.stringify(order), ...init })

  const stop = async (): Promise<unknown> => (await askLoad({ method: 'DELETE' })).json()

  it('delivers each event to each client, and reports the cost', async () => {
    const stream = createEventSource(`${demo.url}load`, {
      method: 'POST',
      headers: { authorization: demo.authorization },
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
    expect(last?.nodes).toEqual([
      {
        node: 1,
        connected: 50,
        deliveries: last?.deliveries,
        deliveriesPerSecond: last?.deliveriesPerSecond,
      },
    ])
    expect(last?.latencies.reduce((sum, count) => sum + count, 0)).toBe(last?.deliveries)
    expect(last?.server.residentBytes).toBeGreaterThan(10_000_000)
    expect(last?.worker.cpu).toBeGreaterThan(0)
    expect(await stop()).toEqual({ stopped: 0 })
  })

  it('ends when its page closes, and is the only load at a time', async () => {
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

  it('keeps its events for its own clients', async () => {
    expect((await fetch(`${demo.url}load/events?run=`)).status).toBe(404)
    expect((await fetch(`${demo.url}load/events`)).status).toBe(404)
    const guess = `${'a'.repeat(16)}.${'b'.repeat(64)}`
    expect((await fetch(`${demo.url}load/events?run=${guess}`)).status).toBe(404)
  })

  it.skipIf(chromium.skip)('can be started, watched and stopped from the page', async () => {
    const browser = await launchChromium(chromium)
    try {
      const page = await browser.newPage()
      await page.goto(`${demo.pageUrl}#/load`)
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
      expect(await page.locator('.load .legend dt').first().innerText()).toBe('This process')
      await expect
        .poll(() => page.locator('.load-histogram .latency-count').allInnerTexts())
        .toContainEqual(expect.stringMatching(/^[\d,]+ \(\d+%\)$/))
      // Leaving the view ends the load.
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
    expect(await demo.process.stop({ signal: 'SIGINT', timeoutMs: 8_000 })).toEqual({ code: 0, signal: null })
    expect(demo.process.stderr).toBe('')
  })
})
