import { findChromium, findRedisServer, launchChromium, startRedis } from '@sse-toolkit/test-support'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, startDemo } from '../integration/running-demo.ts'
import type { RunningDemo } from '../integration/running-demo.ts'

const chromium = findChromium()
const redis = findRedisServer()

/** Asks over a new connection, so that any node may answer. Undefined while no node does. */
async function startOf(demo: RunningDemo): Promise<number | undefined> {
  try {
    const response = await fetch(`${demo.url}about`, { headers: { connection: 'close' } })
    return ((await response.json()) as { start: number }).start
  } catch {
    return undefined
  }
}

it('a restart sends each reader a reconnection time, and ends its stream cleanly', async () => {
  const demo = await startDemo()
  try {
    const reader = 'abcdef0123456789'.repeat(2)
    const response = await fetch(`${demo.url}events?reader=${reader}&lastEventId=earliest`)
    const reading = response.text()
    const answer = await fetch(`${demo.url}faults/restart`, {
      method: 'POST',
      headers: { authorization: demo.authorization },
      body: JSON.stringify({ reader }),
    })
    expect(await answer.json()).toEqual({ restart: 1 })
    const text = await reading
    expect(text).toMatch(/"n":1}[^]*\n\nretry: \d+\n\n$/)
    await eventually(() => startOf(demo)).toBe(2)

    // The same log: after the last event that the old server has sent, and from its beginning.
    const ids = [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id)
    const resumed = await fetch(`${demo.url}events?lastEventId=${ids.at(-1)}`)
    let rest = ''
    for await (const chunk of resumed.body ?? []) {
      rest += Buffer.from(chunk).toString()
      if (rest.includes('event: sequence')) break
    }
    const lastNumber = Number([...text.matchAll(/"n":(\d+)}/g)].at(-1)?.[1])
    expect(rest).toContain(`"n":${lastNumber + 1}}`)
    expect(rest).not.toContain('stream.gap')
  } finally {
    await demo.process.kill()
  }
})

it('Ctrl-C in the middle of a restart ends it with 0', async () => {
  const demo = await startDemo()
  const body = JSON.stringify({ reader: '0'.repeat(32) })
  await fetch(`${demo.url}faults/restart`, {
    method: 'POST',
    headers: { authorization: demo.authorization },
    body,
  })
  expect(await demo.process.stop({ signal: 'SIGINT', timeoutMs: 8_000 })).toEqual({ code: 0, signal: null })
  expect(demo.process.stderr).toBe('')
})

describe.skipIf(chromium.skip)('the button that restarts the server', () => {
  let browser: Browser
  let context: BrowserContext
  let demo: RunningDemo

  beforeAll(async () => {
    browser = await launchChromium(chromium)
  })
  afterAll(async () => {
    await browser.close()
  })
  beforeEach(async () => {
    context = await browser.newContext({ ignoreHTTPSErrors: true })
  })
  afterEach(async () => {
    await context.close()
    await demo.process.kill()
  })

  async function openTab(): Promise<Page> {
    const tab = await context.newPage()
    await tab.goto(`${demo.pageUrl}#/connection`)
    await eventually(() => received(tab)).toBeGreaterThan(10)
    return tab
  }

  const restart = (tab: Page): Promise<void> =>
    tab.getByRole('button', { name: 'Restart the server' }).click()
  const fact = (tab: Page, name: string): Promise<string> =>
    tab.locator('.connection-facts div', { hasText: name }).locator('dd').innerText()
  const received = async (tab: Page): Promise<number> =>
    Number((await fact(tab, 'Received')).replaceAll(',', ''))
  const journal = (tab: Page): Promise<string> => tab.locator('.view-connection .journal-list').innerText()

  async function expectResumed(tab: Page, times: number): Promise<void> {
    await eventually(
      async () => (await journal(tab)).match(/Resumed after .+, 0 missing, 0 repeated\./g)?.length,
    ).toBe(times)
    const before = await received(tab)
    await eventually(() => received(tab)).toBeGreaterThan(before + 5)
    for (const name of ['Missing', 'Repeated', 'Announced gaps']) expect(await fact(tab, name)).toBe('0')
  }

  it.each([[[]], [['--tls']]])(
    'loses nothing with one process %j, and explains what happened',
    async (args) => {
      demo = await startDemo(0, args)
      const tabs = [await openTab(), await openTab()]
      for (const [index, tab] of tabs.entries()) {
        await restart(tab)
        for (const each of tabs) await expectResumed(each, index + 1)
        for (const each of tabs)
          expect(await journal(each)).toContain(
            `Another server answers now: a new one (process ${demo.process.pid}, start ${index + 2}).`,
          )
        expect(await journal(tab)).toMatch(
          /The server ended the stream\. Trying again[^]*You asked to restart the server/,
        )
      }
      // Killed, it would take the log along.
      const kill = tabs[0]?.getByRole('button', { name: 'Kill the process' })
      expect(await kill?.getAttribute('aria-disabled')).toBe('true')
      expect(await tabs[0]?.locator('#fault-kill-why').innerText()).toContain(
        'the memory of this one process',
      )
    },
  )

  it.skipIf(redis.skip)('loses nothing on three nodes, and the node comes back', async () => {
    demo = await startDemo(0, ['--nodes', '3'])
    const tab = await openTab()
    const facts = (): Promise<string> => tab.locator('#facts').innerText()
    await eventually(facts).toMatch(/served by node \d of 3/)
    const [, pid] = /process (\d+)/.exec(await facts()) ?? []
    await restart(tab)
    await expectResumed(tab, 1)
    expect(await journal(tab)).toMatch(/Another server answers now: node \d of 3 \(process \d+/)
    await eventually(() => isRunning(Number(pid))).toBe(false)
    expect(demo.process.stderr).toBe('')
    // Until the new one of its place is met.
    await eventually(() => startOf(demo)).toBe(2)
  })

  it.skipIf(redis.skip)('loses nothing on the one node of a given Redis', async () => {
    await using server = await startRedis()
    demo = await startDemo(0, ['--redis', server.url])
    const tab = await openTab()
    for (const times of [1, 2]) {
      await restart(tab)
      await expectResumed(tab, times)
    }
    expect(await startOf(demo)).toBe(3)
    expect(demo.process.stderr).toBe('')
    // Before the Redis goes, which it would report.
    await demo.process.stop({ signal: 'SIGINT', timeoutMs: 8_000 })
  })

  it.skipIf(redis.skip)('does not admit a reader whose access had ended before', async () => {
    demo = await startDemo(0, ['--nodes', '3'])
    const [revoked, expired] = ['ab'.repeat(16), 'cd'.repeat(16)]
    const end = (how: string, reader: string): Promise<Response> =>
      fetch(`${demo.url}faults/${how}`, {
        method: 'POST',
        headers: { authorization: demo.authorization },
        body: JSON.stringify({ reader }),
      })
    await end('revoke', revoked)
    await end('expire', expired)
    await restart(await openTab())
    await eventually(() => startOf(demo)).toBe(2)
    // By as many connections, so that each node is asked.
    const statuses = async (reader: string): Promise<Set<number>> => {
      const url = `${demo.url}events?reader=${reader}`
      const ask = (): Promise<Response> => fetch(url, { headers: { connection: 'close' } })
      return new Set((await Promise.all(Array.from({ length: 9 }, ask))).map(({ status }) => status))
    }
    expect([await statuses(revoked), await statuses(expired)]).toEqual([new Set([204]), new Set([401])])
  })
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ESRCH') return false
    throw error
  }
}
