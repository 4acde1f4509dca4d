import type { Browser } from 'playwright-core'
import { findExternalProgram } from './external-program.ts'
import type { ExternalProgram } from './external-program.ts'

/** Runs as root in a container, and talks only to the test. */
const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Finds Chromium, or what the environment variable CHROMIUM_PATH names.
 *
 * @throws MissingProgramError under CI when Chromium is missing.
 * @example
 * ```ts
 * const chromium = findChromium()
 * describe.skipIf(chromium.skip)('the page', () => { ... })
 * ```
 */
export function findChromium(env: NodeJS.ProcessEnv = process.env): ExternalProgram {
  return findExternalProgram({
    names: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
    variable: 'CHROMIUM_PATH',
    howToGet: 'apt-get install chromium',
    env,
  })
}

/**
 * Starts a browser with a new, empty user data directory, which goes when the browser is closed.
 *
 * @throws Error with the reason when {@link findChromium} says to skip.
 */
export async function launchChromium(program: ExternalProgram = findChromium()): Promise<Browser> {
  if (program.skip) throw new Error(program.reason)
  // Loaded only here: most tests of this workspace need no browser.
  const { chromium } = await import('playwright-core')
  return chromium.launch({ executablePath: program.path, headless: true, args: CHROMIUM_ARGS })
}
