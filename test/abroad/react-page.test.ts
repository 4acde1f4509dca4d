import { findChromium, findFreePort, launchChromium } from '@sse-toolkit/test-support'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startServer } from '../../examples/react-page/server.ts'

const chromium = findChromium()

describe.skipIf(chromium.skip)('the example of a React page, compiled by Vite, in Chromium', () => {
  it('shows the newest prices, also those that came while its connection was lost', async () => {
    const { url, hub, close } = await startServer(await findFreePort())
    onTestFinished(close)
    const browser = await launchChromium(chromium)
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    const failures: string[] = []
    page.on('pageerror', ({ message }) => failures.push(message))
    const setPrice = (symbol: string, eur: number): Promise<unknown> =>
      hub.publish('prices', { event: 'price', data: { symbol, eur } })
    await setPrice('ABC', 3)
    await page.goto(url)

    const shown = (): Promise<string[]> => page.locator('li').allTextContents()
    await expect.poll(shown, { timeout: 30_000 }).toEqual(['ABC: 3.00 EUR'])
    await setPrice('ABC', 4)
    await setPrice('XYZ', 1)
    await expect.poll(shown).toEqual(['ABC: 4.00 EUR', 'XYZ: 1.00 EUR'])
    expect(await page.getByRole('status').textContent()).toBe('live')

    expect(hub.disconnect(() => true)).toBe(1)
    await setPrice('XYZ', 2)
    await expect.poll(shown).toEqual(['ABC: 4.00 EUR', 'XYZ: 2.00 EUR'])
    expect(failures).toEqual([])
  })
})
