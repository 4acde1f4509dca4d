import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { conformanceCases } from '../conformance/cases.ts'
import { startScenarioServer } from '../conformance/scenario-server.ts'
import type { ScenarioServer } from '../conformance/scenario.ts'
import { bundleForBrowsers } from './bundle.ts'

/** The part of a browser's Worker that is used. */
interface WebWorker {
  addEventListener(type: 'message' | 'error', listener: (event: { data: string }) => void): void
  postMessage(message: unknown, transfer: []): void
}

/** Runs a case by its index. @returns What it threw, as text, or nothing. */
const RUNNER = `
  import { conformanceCases } from '../conformance/cases.ts'
  globalThis.runCase = async (index, server) => {
    try {
      await conformanceCases[index].run(server)
      return ''
    } catch (error) {
      return String(error)
    }
  }
  if ('WorkerGlobalScope' in globalThis)
    globalThis.onmessage = async ({ data }) => postMessage(await runCase(...data))
`

type RunInPage = (index: number, server: ScenarioServer) => Promise<string>

const inWindow = ([index, server]: [number, ScenarioServer]): Promise<string> =>
  (globalThis as unknown as { runCase: RunInPage }).runCase(index, server)

const inWorker = ([index, server]: [number, ScenarioServer]): Promise<string> =>
  new Promise((resolve, reject) => {
    const { Worker } = globalThis as unknown as { Worker: new (url: string) => WebWorker }
    const worker = new Worker('/runner.js')
    worker.addEventListener('message', ({ data }) => resolve(data))
    worker.addEventListener('error', () => reject(new Error('the worker failed')))
    worker.postMessage([index, server], [])
  })

const chromium = findChromium()

describe.skipIf(chromium.skip)('EventSource in Chromium', () => {
  let server: Awaited<ReturnType<typeof startScenarioServer>>
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    const { code } = await bundleForBrowsers(RUNNER, { format: 'iife' })
    server = await startScenarioServer({
      '/': { type: 'text/html', content: '<script src="/runner.js"></script>' },
      '/runner.js': { type: 'text/javascript', content: code },
    })
    browser = await launchChromium(chromium)
    page = await browser.newPage()
    await page.goto(server.origin)
  })

  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })

  const origins = (): ScenarioServer => ({ origin: server.origin, otherOrigin: server.otherOrigin })
  const indexed = conformanceCases.map(({ name }, index) => [name, index] as const)

  // The cases throw by themselves: they run in Node too.
  // eslint-disable-next-line vitest/expect-expect
  it.each(indexed)('in a window, %s', async (_name, index) => {
    const failure = await page.evaluate(inWindow, [index, origins()] as [number, ScenarioServer])
    if (failure !== '') throw new Error(failure)
  })

  // eslint-disable-next-line vitest/expect-expect
  it.each(indexed)('in a worker, %s', async (_name, index) => {
    const failure = await page.evaluate(inWorker, [index, origins()] as [number, ScenarioServer])
    if (failure !== '') throw new Error(failure)
  })
})
