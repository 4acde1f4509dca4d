/**
 * Takes the pictures of the demo in docs/images: the overview and the connection page, on a desktop and on a phone, dark
 * and light. The demo runs on three nodes, so this needs redis-server and Chromium. It takes two minutes.
 *
 *     node --conditions=@sse-toolkit/source scripts/demo-pictures.ts
 *
 * Each browser opens the connection page, is cut off and resumes, goes silent (the picture of the connection page), resumes
 * again, and shows the overview (the other picture). The script fails if a number is missing or repeated, or if a page
 * scrolls sideways.
 */
import { join } from 'node:path'
import { launchChromium, startProcess } from '../test/support/src/index.ts'
import { root } from './published-packages.ts'

type Browser = Awaited<ReturnType<typeof launchChromium>>
type Page = Awaited<ReturnType<Browser['newPage']>>

const screens = {
  desktop: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
} as const

/** Fills some of the timeline and of the charts. */
const liveMs = 20_000
/** The client notices a silence after about 15 s. */
const resumedWithinMs = 40_000

async function save(page: Page, name: string): Promise<void> {
  const width = page.viewportSize()?.width ?? 0
  const content = await page.locator('html').evaluate((html: { scrollWidth: number }) => html.scrollWidth)
  if (content > width) throw new Error(`${name}: the page is ${content} px wide, the screen ${width} px`)
  await page.screenshot({ path: join(root, `docs/images/demo-${name}.png`) })
  console.log(`docs/images/demo-${name}.png`)
}

async function untilLive(page: Page): Promise<void> {
  await page.locator('#status-text', { hasText: /^Live$/ }).waitFor()
}

async function takePictures(
  browser: Browser,
  url: string,
  screen: keyof typeof screens,
  colorScheme: 'dark' | 'light',
): Promise<void> {
  const page = await browser.newPage({ viewport: screens[screen], colorScheme })
  const press = async (name: string): Promise<void> => {
    await page.locator('.fault-list').getByRole('button', { name }).click()
    // A button under the pointer looks different.
    await page.mouse.move(0, 0)
  }
  await page.goto(`${url}#/connection`)
  await untilLive(page)
  await page.waitForTimeout(liveMs)

  await press('Cut the connection')
  await page.locator('#fault-cut-report', { hasText: 'nothing missing, nothing twice' }).waitFor()
  await page.waitForTimeout(liveMs / 2)

  await press('Go silent')
  const report = page.locator('#fault-silence-report')
  await report.filter({ hasText: /^Silent for [3-9] s/ }).waitFor()
  // A phone has no room for the timeline and the faults: the report says more.
  const middle = screen === 'phone' ? report : page.locator('.masthead')
  await middle.evaluate((element: { scrollIntoView: (options: { block: 'center' }) => void }) =>
    element.scrollIntoView({ block: 'center' }),
  )
  await save(page, `connection-${screen}-${colorScheme}`)

  await report.filter({ hasText: 'nothing missing, nothing twice' }).waitFor({ timeout: resumedWithinMs })
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.mouse.move(0, 0)
  await untilLive(page)
  // Some numbers arrive live again.
  await page.waitForTimeout(liveMs / 10)
  for (const count of ['missing', 'repeated', 'gaps']) {
    const value = await page.locator(`#${count}`).innerText()
    if (value !== '0') throw new Error(`${screen}, ${colorScheme}: ${value} ${count}, expected 0`)
  }
  await save(page, `overview-${screen}-${colorScheme}`)
  await page.close()
}

await using demo = await startProcess({
  args: [join(root, 'apps/demo/src/main.ts'), '--port', '0', '--nodes', '3'],
  env: { PORT: undefined, SSE_DEMO_TOKEN: undefined },
  ready: /The demo runs at \S+ /,
})
const url = /runs at (\S+)/.exec(demo.stdout)?.[1] ?? ''
const browser = await launchChromium()
try {
  // Four browsers at a time would be all that the chart of the processor shows.
  for (const colorScheme of ['dark', 'light'] as const) {
    await Promise.all([
      takePictures(browser, url, 'desktop', colorScheme),
      takePictures(browser, url, 'phone', colorScheme),
    ])
  }
} finally {
  await browser.close()
}
