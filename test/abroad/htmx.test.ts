import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startServer } from '../../examples/htmx/server.ts'

const chromium = findChromium()

describe.skipIf(chromium.skip)("the example of htmx's sse extension, in Chromium", () => {
  it('shows each comment once, in order, even if its connection is lost', async () => {
    const { url, hub, close } = await startServer()
    onTestFinished(close)
    const browser = await launchChromium(chromium)
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    const failures: string[] = []
    page.on('pageerror', ({ message }) => failures.push(message))
    await page.goto(url)

    const shown = (): Promise<string[]> => page.locator('li').allTextContents()
    const write = async (text: string): Promise<void> => {
      await page.getByLabel('Your comment').fill(text)
      await page.getByRole('button').click()
    }
    await write('first')
    await expect.poll(shown).toEqual(['first'])

    expect(hub.disconnect(() => true)).toBe(1)
    await hub.publish('comments', { event: 'comment', data: '<li>meanwhile</li>' })
    await expect.poll(shown).toEqual(['first', 'meanwhile'])
    await expect.poll(() => hub.stats().connections).toBe(1)

    await write('<img src=x onerror="document.title = 1">')
    await expect.poll(shown).toEqual(['first', 'meanwhile', '<img src=x onerror="document.title = 1">'])
    expect(await page.title()).toBe('Comments')

    // Another visitor reads what was written before.
    const other = await browser.newPage()
    await other.goto(url)
    await expect.poll(() => other.locator('li').count()).toBe(3)
    expect(failures).toEqual([])
  })
})
