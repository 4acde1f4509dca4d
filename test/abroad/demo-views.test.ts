import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, startDemo } from '../integration/running-demo.ts'
import type { RunningDemo } from '../integration/running-demo.ts'

const chromium = findChromium()
const VIEWS = ['Overview', 'Connection', 'Topics', 'Connections', 'Load', 'Inspect']

let demo: RunningDemo

beforeAll(async () => {
  demo = await startDemo()
})

afterAll(async () => {
  await demo.process.kill()
})

const publish = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${demo.url}publish`, {
    method: 'POST',
    body,
    headers: { authorization: demo.authorization, ...headers },
  })

describe('publishing', () => {
  it.each([
    ['{"topic":"machine.cpu","data":1}', 403, /^Only topics under play\. can be published to/],
    ['{"topic":"play..x","data":1}', 400, /play\.\.x/],
    ['{"topic":"play.x","event":"stream.gap","data":1}', 400, /stream\./],
    ['{"topic":"play.x"}', 400, /^Send JSON/],
    ['{"topic":7,"data":1}', 400, /^Send JSON/],
    ['topic', 400, /^Send JSON/],
  ])('answers %s with %i', async (body, status, text) => {
    const response = await publish(body)
    expect([response.status, await response.text()]).toEqual([status, expect.stringMatching(text)])
  })

  it('is refused for pages of other sites', async () => {
    expect((await publish('{"topic":"play.x","data":1}', { 'sec-fetch-site': 'cross-site' })).status).toBe(
      403,
    )
  })

  it('reaches a reader of a pattern, and one that connects later', async () => {
    const { id } = (await (await publish('{"topic":"play.a.b","event":"hello","data":{"n":1}}')).json()) as {
      id: string
    }
    const response = await fetch(`${demo.url}topics?topic=play.%3E&lastEventId=earliest`)
    let received = ''
    for await (const chunk of response.body ?? []) {
      received += Buffer.from(chunk).toString()
      if (received.includes(id)) break
    }
    expect(received).toContain(`event: hello\nid: ${id}\ndata: {"n":1}\n`)
  })

  it.each(['', '?topic=', '?topic=a..b', `?${'topic=a&'.repeat(65)}`])(
    'answers 400 to an impossible subscription: %s',
    async (query) => {
      expect((await fetch(`${demo.url}topics${query}`)).status).toBe(400)
    },
  )
})

describe.skipIf(chromium.skip)('the views', () => {
  let browser: Browser
  let page: Page
  let troubles: string[]

  beforeAll(async () => {
    browser = await launchChromium(chromium)
  })

  afterAll(async () => {
    await browser.close()
  })

  async function openPage(path = '', of = demo): Promise<Page> {
    const opened = await browser.newPage()
    opened.on('pageerror', (error) => troubles.push(error.message))
    opened.on('console', (message) => {
      // The browser itself notes broken connections and refusals; those are what these tests are about.
      if (message.type() === 'error' && !/net::ERR_|status of 40[013]/.test(message.text()))
        troubles.push(message.text())
    })
    await opened.goto(`${of.pageUrl}${path}`)
    await eventually(() => opened.locator('#status').innerText()).toBe('Live')
    return opened
  }

  beforeEach(async () => {
    troubles = []
    page = await openPage()
  })

  afterEach(async () => {
    await page.close()
    expectNoTrouble()
  })

  function expectNoTrouble(): void {
    expect(troubles).toEqual([])
  }

  const goTo = (name: string, on = page): Promise<void> => on.getByRole('link', { name, exact: true }).click()
  const press = (name: string, on = page): Promise<void> =>
    on.getByRole('button', { name, exact: true }).click()
  const fact = (name: string, on = page): Promise<string> =>
    on.locator('.connection-facts div', { hasText: name }).locator('dd').innerText()
  const journal = (on = page): Promise<string> => on.locator('.view-connection .journal-list').innerText()

  async function expectNothingLost(on = page): Promise<void> {
    const before = await fact('Received', on)
    await eventually(() => fact('Received', on)).not.toBe(before)
    for (const name of ['Missing', 'Repeated', 'Announced gaps']) expect(await fact(name, on)).toBe('0')
  }

  const resumptions = async (on = page): Promise<number> =>
    [...(await journal(on)).matchAll(/Resumed after .+, 0 missing, 0 repeated\./g)].length

  it('open by their address, with title, mark and focus', async () => {
    for (const name of ['Topics', 'Connection', 'Overview']) {
      await goTo(name)
      await eventually(() => page.title()).toBe(`${name} - SSE toolkit`)
      expect(await page.locator('[aria-current=page]').allInnerTexts()).toEqual([name])
      expect(await page.locator(':focus').innerText()).toBe(name)
      expect(await page.locator('.view:visible').count()).toBe(1)
    }
    await page.goBack()
    await eventually(() => page.title()).toBe('Connection - SSE toolkit')
    await eventually(() => page.locator(':focus').innerText()).toBe('Connection')
    const direct = await openPage('#/topics')
    expect([await direct.title(), await direct.locator('.view:visible').count()]).toEqual([
      'Topics - SSE toolkit',
      1,
    ])
    await direct.close()
    await page.goto(`${demo.url}#/nowhere`)
    await eventually(() => page.title()).toBe('Overview - SSE toolkit')
  })

  it('lose nothing when the page goes offline, its access expires, or it is revoked and readmitted', async () => {
    await goTo('Connection')
    await press('Go offline')
    await eventually(() => fact('Status')).toMatch(/^Waits \d+ ms before attempt [2-9]/)
    await press('Go online')
    await eventually(() => resumptions()).toBe(1)

    await press('Expire my access')
    await eventually(() => journal()).toContain('This browser has a new token.')
    await eventually(() => resumptions()).toBe(2)

    await press('Revoke me')
    await eventually(() => fact('Status')).toBe('Closed: no-content')
    expect(await journal()).toContain('The server refuses this browser from now on (204)')
    await press('Restore my access')
    await eventually(() => resumptions()).toBe(3)
    await expectNothingLost()
    expect(await fact('Reconnections')).toBe('3')
  })

  it('show the course of a silence next to its button, until nothing is missing', async () => {
    await goTo('Connection')
    await press('Go silent')
    const report = (): Promise<string> => page.locator('#fault-silence-report').innerText()
    await eventually(report).toMatch(/^Silent for 3 s; noticed in 1\d s\.$/)
    await eventually(() => page.locator('#status').innerText()).toMatch(/^Silent for \d s$/)
    await eventually(report, { timeout: 30_000 }).toMatch(/^Noticed after 1[4-9] s/)
    await eventually(report).toMatch(
      /^Noticed after 1[4-9] s; reconnected .+ later, caught up on 1\d\d numbers, nothing missing, nothing twice\.$/,
    )
    await eventually(() => page.locator('#status').innerText()).toBe('Live')
    await expectNothingLost()
  })

  it('show how far a slow reader is behind', async () => {
    await goTo('Connection')
    await press('Read slowly')
    expect(await page.locator('#fault-slow-report').innerText()).toMatch(/^Slow for 0 s; the hub gives up/)
    await eventually(() => page.locator('#status').innerText()).toMatch(/^Behind by [2-9] s$/)
    await eventually(() => page.locator('#fault-slow-report').innerText(), { timeout: 40_000 }).toMatch(
      /^Noticed after .+ s; reconnected .+, nothing missing, nothing twice\.$/,
    )
  })

  it('list events by pattern, with pause, filter, tree and replay', async () => {
    await goTo('Topics')
    const list = page.locator('.event-list')
    // What the form says is read at once.
    await eventually(() => list.locator('.event', { hasText: 'cpu' }).count()).toBeGreaterThan(0)
    await page.getByLabel('Topics and patterns').fill('play.>')
    await press('Subscribe')
    await eventually(() => page.getByText('Reads play.>').count()).toBe(1)
    await page.getByLabel('Event type').fill('greeting')
    await page.getByLabel('Data').fill('{"deep":{"er":[1,"two"]}}')
    await press('Publish')
    await eventually(() => page.getByText(/^Published as \S+-\d+\.$/).count()).toBe(1)
    await eventually(() => list.innerText()).toContain('greeting')
    await list.locator('summary').first().click()
    await eventually(() => list.locator('.json-tree').first().innerText()).toMatch(
      /deep\s+1 fields\s+er\s+2 items/,
    )

    await press('Pause')
    await page.getByLabel('Event type').fill('second')
    await press('Publish')
    await eventually(() => page.getByText('Paused: 1 wait').count()).toBe(1)
    expect(await list.innerText()).not.toContain('second')
    await press('Pause')
    await eventually(() => list.innerText()).toContain('second')
    await page.getByLabel('Show only').fill('GREET')
    await eventually(() => list.locator('.event:visible').count()).toBe(1)
    await page.getByLabel('Show only').fill('')

    // What is published while another view is shown is there on return.
    await goTo('Overview')
    await publish('{"topic":"play.away","event":"while-away","data":1}')
    await goTo('Topics')
    await eventually(() => list.locator('.event', { hasText: 'while-away' }).count()).toBe(1)
    await page.getByLabel('Start after').fill('earliest')
    await press('Subscribe')
    await eventually(() => list.locator('.event', { hasText: 'while-away' }).count()).toBe(1)
    await eventually(() => list.locator('.event', { hasText: 'greeting' }).count()).toBe(1)
    await page.getByLabel('Topics and patterns').fill('a..b')
    await press('Subscribe')
    const answer = (): Promise<string> => page.locator('.card-log .form-answer').first().innerText()
    await eventually(answer).toBe(
      "Not subscribed. pattern: expected tokens joined by dots, where '*' stands for one token and a last '>' for one or more, got \"a..b\".",
    )
    expect(await page.getByRole('button', { name: 'Stop' }).getAttribute('aria-disabled')).toBe('true')
    await page.getByLabel('Topics and patterns').fill(' ')
    await press('Subscribe')
    expect(await answer()).toBe('Not subscribed. Name a topic or a pattern, such as machine.*')
    await page.getByLabel('Topics and patterns').fill('play.>')
    await page.getByLabel('Start after').fill('nonsense-1')
    await press('Subscribe')
    await eventually(answer).toBe(
      'Reads play.>. This log never had the event "nonsense-1", so it replays all of its events.',
    )
    await eventually(() => list.locator('.event', { hasText: 'while-away' }).count()).toBe(1)
    await press('Stop')
    expect(await answer()).toBe('Stopped')
  })

  it('keep their memory bounded, however many events come', async () => {
    await goTo('Topics')
    await page.getByLabel('Topics and patterns').fill('play.>')
    await press('Subscribe')
    await eventually(() => page.getByText('Reads play.>').count()).toBe(1)
    const session = await page.context().newCDPSession(page)
    let received = 0
    const heapAfter = async (count: number): Promise<number> => {
      for (let n = 0; n < count; n += 1)
        await publish('{"topic":"play.flood","data":{"text":"flood of events"}}')
      received += count
      await eventually(() => page.getByText(`${received.toLocaleString('en')} received`).count()).toBe(1)
      await session.send('HeapProfiler.collectGarbage')
      return (await session.send('Runtime.getHeapUsage')).usedSize
    }
    await heapAfter(400)
    const before = await heapAfter(400)
    const after = await heapAfter(1_600)
    expect(await page.locator('.event').count()).toBe(300)
    // A list without a bound grows by some 2 kB an event: 3 MB.
    expect(after - before).toBeLessThan(1_000_000)
  })

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)(
    'have no serious accessibility fault in the %s, in a window of %i pixels',
    async (colorScheme, width) => {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 800 })
      await page.evaluate(axe.source)
      for (const name of VIEWS) {
        await goTo(name)
        await eventually(() => page.title()).toBe(`${name} - SSE toolkit`)
        const violations = await page.evaluate<string[]>(
          `axe.run().then(({ violations }) => violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | ')))`,
        )
        expect([name, violations]).toEqual([name, []])
      }
    },
  )

  it.each([360, 1440])('fit into a window of %i pixels', async (width) => {
    await page.setViewportSize({ width, height: 800 })
    for (const name of VIEWS) {
      await goTo(name)
      await eventually(() => page.title()).toBe(`${name} - SSE toolkit`)
      const content = await page.locator('html').evaluate((html: { scrollWidth: number }) => html.scrollWidth)
      expect([name, content]).toEqual([name, width])
    }
  })
})
