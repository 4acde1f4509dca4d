import { findChromium, findRedisServer, launchChromium } from '@sse-toolkit/test-support'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, startDemo } from '../integration/running-demo.ts'
import type { RunningDemo } from '../integration/running-demo.ts'

const chromium = findChromium()
const redis = findRedisServer()

describe.skipIf(chromium.skip)('the tabs of one browser', () => {
  let browser: Browser
  let context: BrowserContext
  let demo: RunningDemo
  let troubles: string[]

  beforeAll(async () => {
    browser = await launchChromium(chromium)
  })

  afterAll(async () => {
    await browser.close()
  })

  beforeEach(async () => {
    troubles = []
    context = await openBrowser()
  })

  afterEach(async () => {
    await context.close()
    await demo.process.kill()
    expectNoTrouble()
  })

  function expectNoTrouble(): void {
    expect(troubles).toEqual([])
  }

  /** Another user's, as far as a page can tell. */
  const openBrowser = (): Promise<BrowserContext> => browser.newContext({ ignoreHTTPSErrors: true })

  async function openTab(of = context): Promise<Page> {
    const tab = await of.newPage()
    tab.on('pageerror', (error) => troubles.push(error.message))
    tab.on('console', (message) => {
      // The browser itself notes broken connections and refusals; those are what these tests are about.
      if (message.type() === 'error' && !/net::ERR_|status of 40[013]/.test(message.text()))
        troubles.push(message.text())
    })
    await tab.goto(`${demo.pageUrl}#/connection`)
    return tab
  }

  async function openTabs(count: number, of = context): Promise<Page[]> {
    const tabs: Page[] = []
    for (let n = 0; n < count; n += 1) {
      const tab = await openTab(of)
      tabs.push(tab)
      await eventually(() => received(tab)).toBeGreaterThan(10)
    }
    return tabs
  }

  const press = (tab: Page, name: string): Promise<void> =>
    tab.locator('.view-connection').getByRole('button', { name, exact: true }).click()
  const fact = (tab: Page, name: string): Promise<string> =>
    tab.locator('.connection-facts div', { hasText: name }).locator('dd').innerText()
  const received = async (tab: Page): Promise<number> =>
    Number((await fact(tab, 'Received')).replaceAll(',', ''))
  const journal = (tab: Page): Promise<string> => tab.locator('.view-connection .journal-list').innerText()
  const statuses = (tabs: readonly Page[]): Promise<string[]> =>
    Promise.all(tabs.map((tab) => fact(tab, 'Status')))
  const resumptions = async (tab: Page): Promise<number> =>
    [...(await journal(tab)).matchAll(/Resumed after .+, 0 missing, 0 repeated\./g)].length

  /** The tab that holds the connection, and one that does not. */
  async function holderAmong(tabs: readonly Page[]): Promise<{ holder: Page; follower: Page }> {
    const isHolder = async (): Promise<boolean[]> => {
      const texts = await Promise.all(tabs.map((tab) => fact(tab, 'Shared by')))
      return texts.map((text) => text === `${tabs.length} tabs; this one holds it`)
    }
    await eventually(async () => (await isHolder()).filter(Boolean).length).toBe(1)
    const index = (await isHolder()).indexOf(true)
    const [holder, follower] = [tabs[index], tabs[index === 0 ? 1 : 0]]
    if (holder === undefined || follower === undefined) throw new Error('there are two tabs at least')
    return { holder, follower }
  }

  /** The connections of browsers to the process that answers; not those of a test. */
  async function connections(): Promise<number> {
    const response = await fetch(`${demo.url}hub`, { headers: { authorization: demo.authorization } })
    const hub = (await response.json()) as { connections: { identity?: string }[] }
    return hub.connections.filter(({ identity }) => identity !== undefined).length
  }

  async function expectNothingLost(tabs: readonly Page[]): Promise<void> {
    for (const tab of tabs) {
      const before = await received(tab)
      await eventually(() => received(tab)).toBeGreaterThan(before + 5)
      const [missing, repeated, gaps] = [
        await fact(tab, 'Missing'),
        await fact(tab, 'Repeated'),
        await fact(tab, 'Announced gaps'),
      ]
      expect({ missing, repeated, gaps }).toEqual({ missing: '0', repeated: '0', gaps: '0' })
    }
  }

  async function allResumed(tabs: readonly Page[], times: number): Promise<void> {
    for (const tab of tabs) await eventually(() => resumptions(tab), { timeout: 40_000 }).toBe(times)
  }

  it('have one connection, and each has the history and every number', async () => {
    demo = await startDemo()
    const tabs = await openTabs(3)
    expect(await connections()).toBe(1)
    const { holder, follower } = await holderAmong(tabs)
    expect(holder).toBe(tabs[0])
    await eventually(() => fact(follower, 'Shared by')).toBe('3 tabs; another one holds it')
    // All tabs have seen the first number, whenever they were opened, and no tab has more.
    const counts = await Promise.all(tabs.map(received))
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(10)
    await expectNothingLost(tabs)
    for (const tab of tabs) {
      expect(await fact(tab, 'Reconnections')).toBe('0')
      // Joining tabs count as no fault, even though the connection went back for them.
      expect(await tab.locator('.view-connection .journal-entry[data-kind=trouble]').count()).toBe(0)
    }
    // Two tabs that are opened at once may join as one.
    await eventually(() => journal(holder)).toContain(
      "This browser's one connection is shared by 3 tabs; this one holds it.",
    )
  })

  it('are one visit, however many of them are opened', async () => {
    demo = await startDemo()
    const [first] = await openTabs(1)
    if (first === undefined) throw new Error('there is one')
    await first.getByRole('link', { name: 'Connections', exact: true }).click()
    const age = async (): Promise<number> =>
      Number.parseInt(
        await first
          .locator('tr', { hasText: 'this browser' })
          .locator('td[data-column="Connected for"]')
          .innerText(),
        10,
      )
    await eventually(age).toBeGreaterThanOrEqual(4)
    const second = await openTab()
    await eventually(() => received(second)).toBeGreaterThan(10)
    const seen: number[] = []
    await eventually(async () => seen[seen.push(await age()) - 1]).toBeGreaterThanOrEqual(8)
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(4)
  })

  it('go on when the tab that holds the connection is closed, and when the next one crashes', async () => {
    demo = await startDemo()
    let tabs = await openTabs(4)
    const { holder } = await holderAmong(tabs)
    await holder.close()
    tabs = tabs.filter((tab) => tab !== holder)
    await expectNothingLost(tabs)
    const { holder: next } = await holderAmong(tabs)
    const crashed = next.waitForEvent('crash')
    const session = await context.newCDPSession(next)
    session.send('Page.crash').catch(() => {})
    await crashed
    tabs = tabs.filter((tab) => tab !== next)
    await holderAmong(tabs)
    await expectNothingLost(tabs)
    expect(await connections()).toBe(1)
    for (const tab of tabs)
      expect(await tab.locator('.view-connection .journal-entry[data-kind=trouble]').count()).toBe(0)
  })

  it('lose nothing to any fault, whichever tab causes it', async () => {
    demo = await startDemo()
    const tabs = await openTabs(3)
    const { holder, follower } = await holderAmong(tabs)
    let times = 0
    for (const tab of [holder, follower]) {
      await press(tab, 'Cut the connection')
      await allResumed(tabs, (times += 1))

      await press(tab, 'Go offline')
      for (const each of tabs) await eventually(() => fact(each, 'Status')).toMatch(/^Waits /)
      const other = tab === holder ? follower : holder
      await press(other, 'Go online')
      await allResumed(tabs, (times += 1))

      await press(tab, 'Expire my access')
      for (const each of tabs)
        await eventually(async () => (await journal(each)).match(/has a new token/g)?.length).toBe(
          tab === holder ? 1 : 2,
        )
      await allResumed(tabs, (times += 1))

      await press(tab, 'Revoke me')
      await eventually(() => statuses(tabs)).toEqual(tabs.map(() => 'Closed: no-content'))
      expect(await connections()).toBe(0)
      await press(other, 'Restore my access')
      await allResumed(tabs, (times += 1))
      expect(await connections()).toBe(1)
    }
    await expectNothingLost(tabs)
    for (const tab of tabs) expect(await fact(tab, 'Reconnections')).toBe(String(times))
  })

  it('lose nothing to a silent or slow connection, whichever tab causes it', async () => {
    demo = await startDemo()
    // Each takes its time: all at once, each in a browser of its own.
    const trials = [
      ['Go silent', 'Even the heartbeats stopped'],
      ['Read slowly', 'The connection broke.'],
    ].flatMap(([name = '', cause = '']) =>
      (['holder', 'follower'] as const).map(async (role) => {
        const ofTrial = await openBrowser()
        const tabs = await openTabs(2, ofTrial)
        const asking = (await holderAmong(tabs))[role]
        await press(asking, name)
        await allResumed(tabs, 1)
        for (const tab of tabs) expect(await journal(tab)).toContain(cause)
        await expectNothingLost(tabs)
        await ofTrial.close()
      }),
    )
    await Promise.all(trials)
  })

  it('go offline together, a new tab included; a browser whose tabs were all closed comes back online', async () => {
    demo = await startDemo()
    const [first] = await openTabs(1)
    if (first === undefined) throw new Error('there is one')
    await press(first, 'Go offline')
    await eventually(() => fact(first, 'Status')).toMatch(/^Waits /)
    const second = await openTab()
    await eventually(() => second.getByRole('button', { name: 'Go online' }).count()).toBe(1)
    await first.close()
    await eventually(() => fact(second, 'Status')).toMatch(/^Waits /)
    await second.close()
    const [third] = await openTabs(1)
    expect(await third?.getByRole('button', { name: 'Go offline' }).count()).toBe(1)
  })

  it('stay revoked after they are closed, until one of them is readmitted', async () => {
    demo = await startDemo()
    const [first] = await openTabs(1)
    if (first === undefined) throw new Error('there is one')
    await press(first, 'Revoke me')
    await eventually(() => fact(first, 'Status')).toBe('Closed: no-content')
    await first.close()
    const second = await openTab()
    await eventually(() => fact(second, 'Status')).toBe('Closed: no-content')
    await press(second, 'Restore my access')
    await eventually(() => received(second)).toBeGreaterThan(10)
    await expectNothingLost([second])
  })

  it('have a connection each where they cannot share, and every fault works there as well', async () => {
    demo = await startDemo()
    // As on plain http beyond localhost.
    await context.addInitScript('delete Navigator.prototype.locks')
    const tabs = await openTabs(2)
    expect(await connections()).toBe(2)
    const [first, second] = tabs
    if (first === undefined || second === undefined) throw new Error('there are two')
    expect(await fact(first, 'Shared by')).toBe('no other tab (plain http)')
    let times = 0
    await press(first, 'Cut the connection')
    await allResumed(tabs, (times += 1))
    await press(first, 'Go offline')
    for (const each of tabs) await eventually(() => fact(each, 'Status')).toMatch(/^Waits /)
    await press(second, 'Go online')
    await allResumed(tabs, (times += 1))
    await press(second, 'Expire my access')
    await allResumed(tabs, (times += 1))
    await press(first, 'Revoke me')
    await eventually(() => statuses(tabs)).toEqual(tabs.map(() => 'Closed: no-content'))
    await press(second, 'Restore my access')
    await allResumed(tabs, (times += 1))
    await expectNothingLost(tabs)
    expect(await connections()).toBe(2)
  })

  it('share over HTTP/2 with TLS', async () => {
    demo = await startDemo(0, ['--tls'])
    const tabs = await openTabs(2)
    const { holder, follower } = await holderAmong(tabs)
    await press(follower, 'Cut the connection')
    await allResumed(tabs, 1)
    await press(follower, 'Expire my access')
    await allResumed(tabs, 2)
    await holder.close()
    await expectNothingLost([follower])
  })

  it.skipIf(redis.skip)('lose nothing on three nodes when their node is killed', async () => {
    demo = await startDemo(0, ['--nodes', '3'])
    const tabs = await openTabs(2)
    const { holder, follower } = await holderAmong(tabs)
    let times = 0
    for (const tab of [holder, follower]) {
      await press(tab, 'Kill the process')
      await allResumed(tabs, (times += 1))
      await press(tab, 'Expire my access')
      await allResumed(tabs, (times += 1))
      await press(tab, 'Revoke me')
      await eventually(() => statuses(tabs)).toEqual(tabs.map(() => 'Closed: no-content'))
      await press(tab, 'Restore my access')
      await allResumed(tabs, (times += 1))
    }
    await holder.close()
    await expectNothingLost([follower])
  })
})
