import { mkdtempSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import { afterAll, describe, expect, it } from 'vitest'
import { eventually, startDemo } from '../integration/running-demo.ts'
import type { RunningDemo } from '../integration/running-demo.ts'

const directory = mkdtempSync(join(tmpdir(), 'demo-log-'))
afterAll(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))

/** What a reader gets after an id, or from the beginning, up to an event of this text. */
async function readUntil(demo: RunningDemo, lastEventId: string, last: RegExp): Promise<string> {
  const abort = new AbortController()
  const response = await fetch(`${demo.url}events?lastEventId=${lastEventId}`, { signal: abort.signal })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    if (last.test(text)) break
  }
  abort.abort()
  return text
}

function idsOf(text: string): readonly string[] {
  return [...text.matchAll(/^id: (.+)$/gm)].map(([, id = '']) => id)
}

describe.each([
  { name: 'one process', args: [] },
  { name: 'two processes that share it', args: ['--nodes', '2'] },
])('the demo with its events in a file, in $name', ({ name, args }) => {
  it('a reader misses nothing and gets no gap when the demo is killed and started again', async () => {
    const log = ['--log', join(directory, `${name.replaceAll(' ', '-')}.db`), ...args]
    const first = await startDemo(0, log)
    const before = await readUntil(first, 'earliest', /"n":3}/)
    await first.process.kill('SIGKILL')

    const second = await startDemo(0, log)
    try {
      // As the page's reader does: after the last id that it has seen.
      const after = await readUntil(second, idsOf(before).at(-1) ?? '', /event: sequence[^]*"n":2}/)
      expect(after).not.toContain('stream.gap')
      // A reader that asks for everything gets the earlier events once, under the same ids.
      const all = await readUntil(second, 'earliest', /event: sequence[^]*"n":3}[^]*"n":2}/)
      const ids = idsOf(all)
      expect(ids.filter((id) => idsOf(before).includes(id))).toEqual(idsOf(before))
      expect(new Set(ids).size).toBe(ids.length)
      expect(all).not.toContain('stream.gap')
    } finally {
      await second.process.kill()
    }
  })
})

const chromium = findChromium()

describe.skipIf(chromium.skip)('the page of the demo with its events in a file', () => {
  it.each([
    { name: 'one process', args: [] },
    { name: 'two processes that share it', args: ['--nodes', '2'] },
  ])('resumes after kill -9 and a new start, in $name: 0 missing, no gap', async ({ name, args }) => {
    const log = ['--log', join(directory, `page-${name.replaceAll(' ', '-')}.db`), ...args]
    let demo = await startDemo(0, log)
    const browser = await launchChromium(chromium)
    try {
      const page = await browser.newPage()
      await page.goto(`${demo.pageUrl}#/connection`)
      const fact = (label: string): Promise<string> =>
        page.locator('.connection-facts div', { hasText: label }).locator('dd').innerText()
      const received = async (): Promise<number> => Number((await fact('Received')).replaceAll(',', ''))
      const journal = (): Promise<string> => page.locator('.view-connection .journal-list').innerText()
      await eventually(received).toBeGreaterThan(10)
      for (const times of [1, 2]) {
        await demo.process.kill('SIGKILL')
        await eventually(journal).toMatch(/Trying again/)
        demo = await startDemo(demo.port, log)
        await eventually(
          async () => (await journal()).match(/Resumed after .+, 0 missing, 0 repeated\./g)?.length,
        ).toBe(times)
        const before = await received()
        await eventually(received).toBeGreaterThan(before + 5)
        const facts = await Promise.all(['Missing', 'Repeated', 'Announced gaps'].map(fact))
        expect(facts).toEqual(['0', '0', '0'])
      }
    } finally {
      await browser.close()
      await demo.process.kill('SIGKILL')
    }
  })
})

it('two workers share a temporary file, which is removed with them', async () => {
  const places = (): readonly string[] =>
    readdirSync(tmpdir()).filter((name) => name.startsWith('sse-toolkit-demo-'))
  const before = places()
  const demo = await startDemo(0, ['--workers', '2'])
  expect(await (await fetch(`${demo.url}about`)).json()).toMatchObject({ nodes: 2 })
  expect(places().length).toBe(before.length + 1)
  await demo.process.stop({ timeoutMs: 10_000 })
  expect(places()).toEqual(before)
})

it('the demo explains why it cannot use a file', async () => {
  await expect(startDemo(0, ['--log', join(directory, 'none/x.db')])).rejects.toThrow(
    /--log: path: expected a file in a directory that exists/,
  )
})
