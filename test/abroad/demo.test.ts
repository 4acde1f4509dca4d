import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import {
  findChromium,
  findRedisServer,
  launchChromium,
  startProcess,
  startRedis,
} from '@sse-toolkit/test-support'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DEMO, env, eventually, startDemo } from '../integration/running-demo.ts'
import type { RunningDemo } from '../integration/running-demo.ts'

const chromium = findChromium()
const redis = findRedisServer()

/** Runs it to its end. */
async function run(args: readonly string[], variables: Readonly<Record<string, string | undefined>> = env) {
  const process = await startProcess({ args: [DEMO, ...args], env: variables })
  const { code } = await process.exited
  return { code, stdout: process.stdout, stderr: process.stderr }
}

describe('the command line', () => {
  it('prints its options', async () => {
    const { code, stdout, stderr } = await run(['--help'])
    expect([code, stderr]).toEqual([0, ''])
    for (const option of [
      '--port',
      '--host',
      '--nodes',
      '--redis',
      '--token',
      'SSE_DEMO_TOKEN',
      '--help',
      'PORT',
      '8080',
    ])
      expect(stdout).toContain(option)
  })

  it.each([
    [['--prot', '1'], /^Unknown option '--prot'.* Run with --help for the options\.\n$/],
    [['somewhere'], /^Unexpected argument 'somewhere'.* Run with --help for the options\.\n$/],
    [['--port', 'many'], /^--port is "many": give a number from 0 to 65535\.\n$/],
    [['--port', '65536'], /^--port is "65536": give a number from 0 to 65535\.\n$/],
    [['--port'], /^Option '--port <value>' argument missing\. Run with --help for the options\.\n$/],
    [['--nodes', '9'], /^--nodes is "9": give a number from 1 to 8\.\n$/],
    [['--redis', 'here'], /^--redis is "here": give a URL, redis:\/\/host:port\.\n$/],
    [['--host='], /^--host is empty: give an address, such as 127\.0\.0\.1\.\n$/],
  ])('answers %j with one clear line and exit code 2', async (args, line) => {
    const { code, stdout, stderr } = await run(args)
    expect(stderr).toMatch(line)
    expect([code, stdout]).toEqual([2, ''])
  })

  it('refuses an invalid PORT', async () => {
    expect(await run([], { PORT: '80 80' })).toMatchObject({
      code: 2,
      stderr: 'PORT is "80 80": give a number from 0 to 65535.\n',
    })
  })

  it('reports a busy port in one line, with a remedy', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const line = `Port ${port} is in use. Take another one: pnpm demo --port ${port + 1}, or PORT=${port + 1}.\n`
    expect(await run(['--port', String(port)])).toEqual({ code: 1, stdout: '', stderr: line })
    expect(await run([], { PORT: String(port) })).toEqual({ code: 1, stdout: '', stderr: line })
    other.close()
  })

  it('reports in one line that an address does not belong to this machine', async () => {
    const { code, stderr } = await run(['--port', '0', '--host', '192.0.2.1'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Cannot listen on 192\.0\.2\.1:0: .+\.\n$/)
  })
})

describe('the server', () => {
  let demo: RunningDemo

  beforeAll(async () => {
    demo = await startDemo()
  })

  afterAll(async () => {
    await demo.process.kill()
  })

  /** With any fields, the Host included, which `fetch` does not let one choose. */
  async function send(
    path: string,
    options: { method?: string; host?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<{ status: number; body: string }> {
    const { method = 'GET', host = `localhost:${demo.port}`, headers = {}, body = '' } = options
    const request = httpRequest({
      port: demo.port,
      host: '127.0.0.1',
      path,
      method,
      headers: { ...headers, host },
    })
    request.end(body)
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }]
    let text = ''
    for await (const chunk of response) text += chunk.toString()
    return { status: response.statusCode, body: text }
  }

  it('does not kill the only process', async () => {
    const reader = '0'.repeat(32)
    const answer = await send('/faults/kill', {
      method: 'POST',
      headers: { authorization: demo.authorization },
      body: JSON.stringify({ reader }),
    })
    expect(answer).toEqual({ status: 200, body: '{"kill":0}' })
  })

  it('serves the page under a policy without inline script or foreign origins', async () => {
    const response = await fetch(demo.url)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
    expect(await response.text()).not.toMatch(/<script(?![^>]*src=)|style=|https?:\/\/(?!www\.w3\.org)/)
  })

  it('answers nothing to a host name from DNS rebinding', async () => {
    for (const path of ['/', '/events', '/about'])
      expect(await send(path, { host: `attacker.example:${demo.port}` })).toMatchObject({ status: 421 })
    expect(await send('/about', { host: `127.0.0.1:${demo.port}` })).toMatchObject({ status: 200 })
  })

  it('accepts a cut only from its own page', async () => {
    const reader = '0'.repeat(32)
    const cut = (
      headers: Record<string, string>,
      body = JSON.stringify({ reader }),
    ): ReturnType<typeof send> =>
      send('/faults/cut', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: demo.authorization, ...headers },
        body,
      })
    expect(await cut({ 'sec-fetch-site': 'cross-site' })).toMatchObject({ status: 403 })
    expect(await cut({ origin: 'https://attacker.example' })).toMatchObject({ status: 403 })
    expect(await cut({}, '{"reader": "short"}')).toMatchObject({ status: 400 })
    expect(await cut({}, 'reader=1')).toMatchObject({ status: 400 })
    expect(await cut({}, 'x'.repeat(20_000))).toMatchObject({ status: 413 })
    expect(await cut({ origin: `http://localhost:${demo.port}` })).toEqual({ status: 200, body: '{"cut":0}' })
  })

  it('cuts a stream in the middle, without an end of the body', async () => {
    const reader = 'abcdef0123456789'.repeat(2)
    const response = await fetch(`${demo.url}events?reader=${reader}&lastEventId=earliest`)
    const read = async (): Promise<string> => {
      let text = ''
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
      return text
    }
    const reading = read()
    const [ended, answer] = await Promise.allSettled([
      reading,
      send('/faults/cut', {
        method: 'POST',
        headers: { authorization: demo.authorization },
        body: JSON.stringify({ reader }),
      }),
    ])
    expect(ended).toMatchObject({ status: 'rejected', reason: { message: 'terminated' } })
    expect(answer).toMatchObject({ value: { body: '{"cut":1}' } })
  })
})

it('serves from one process, and says so, if there is no Redis for several', async () => {
  const process = await startProcess({
    args: [DEMO, '--port', '0', '--nodes', '3'],
    env: { ...env, PATH: '/nowhere' },
    ready: /The demo runs at \S+ /,
  })
  expect(process.stderr).toBe(
    'No redis-server was found (Debian: apt install redis-server), so one process serves from memory.\n',
  )
  expect(await process.stop({ signal: 'SIGINT', timeoutMs: 5_000 })).toEqual({ code: 0, signal: null })
})

describe.skipIf(chromium.skip)('the page', () => {
  let browser: Browser
  let page: Page
  let demo: RunningDemo
  let troubles: string[]
  let foreign: string[]

  beforeAll(async () => {
    browser = await launchChromium(chromium)
  })

  afterAll(async () => {
    await browser.close()
  })

  beforeEach(async () => {
    demo = await startDemo()
    page = await browser.newPage()
    troubles = []
    foreign = []
    page.on('pageerror', (error) => troubles.push(error.message))
    page.on('console', (message) => {
      // The browser itself notes a broken connection; that is what these tests are about.
      if (message.type() === 'error' && !message.text().includes('net::ERR_')) troubles.push(message.text())
    })
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== new URL(demo.url).origin) foreign.push(request.url())
    })
  })

  afterEach(async () => {
    await page.close()
    await demo.process.kill()
    expectNoTrouble()
  })

  function expectNoTrouble(): void {
    expect(troubles).toEqual([])
    expect(foreign).toEqual([])
  }

  const figure = async (id: string): Promise<number> =>
    Number((await page.locator(`#${id}`).innerText()).replaceAll(',', ''))
  const status = (): Promise<string> => page.locator('#status').innerText()
  const journal = (): Promise<string> => page.locator('#journal').innerText()

  /** Reads the stream over its own connection, next to the page. */
  async function untilPublished(text: string): Promise<void> {
    const response = await fetch(`${demo.url}events?lastEventId=earliest`)
    let received = ''
    for await (const chunk of response.body ?? []) {
      received += Buffer.from(chunk).toString()
      if (received.includes(text)) return
    }
  }

  async function openPage(): Promise<void> {
    await page.goto(demo.pageUrl)
    await eventually(status).toBe('Live')
  }

  it('begins with the history that the log holds', async () => {
    await untilPublished('"n":30}')
    await openPage()
    await eventually(() => figure('received'), { timeout: 1_000 }).toBeGreaterThanOrEqual(30)
    expect(await figure('gaps')).toBe(0)
  })

  it('draws live charts of real figures', async () => {
    await openPage()
    await eventually(() => figure('received')).toBeGreaterThan(20)
    const titles = await page.locator('.chart h3').allInnerTexts()
    expect(titles).toHaveLength(7)
    expect(titles[0]).toMatch(/^Processor, \d+ cores$|^Processor$/)
    for (const plot of await page.locator('.plot:visible').all()) {
      await plot.scrollIntoViewIfNeeded()
      const before = await plot.screenshot()
      await eventually(async () => (await plot.screenshot()).equals(before)).toBe(false)
    }
    const headline = (name: string): Promise<string> =>
      page.locator('.chart', { hasText: name }).locator('.headline').innerText()
    expect(await headline('machine.memory')).toMatch(/^\d+% of \d[\d.]* [GTM]iB$/)
    expect(await headline('hub.stats')).toBe('1 connection')
    expect(await headline('machine.cpu')).toMatch(/^\d+%$/)
  })

  it('resumes after each cut with nothing missing and nothing twice', async () => {
    await openPage()
    await eventually(() => figure('received')).toBeGreaterThan(10)
    for (let cut = 1; cut <= 3; cut += 1) {
      await page.getByRole('button', { name: 'Cut the connection' }).click()
      await eventually(
        async () =>
          (await journal()).match(/Resumed after .+: caught up on .+, 0 missing, 0 repeated\./g)?.length,
        {
          timeout: 10_000,
        },
      ).toBe(cut)
    }
    expect(await journal()).toContain('The connection broke. Trying again in')
    const before = await figure('received')
    await eventually(() => figure('received')).toBeGreaterThan(before + 5)
    expect([await figure('missing'), await figure('repeated'), await figure('gaps')]).toEqual([0, 0, 0])
  })

  it('comes back after kill -9 and a new start, and says in plain words what was lost', async () => {
    await openPage()
    await eventually(() => figure('received')).toBeGreaterThan(10)
    await demo.process.kill('SIGKILL')
    await eventually(status).toMatch(/^Reconnecting/)
    demo = await startDemo(demo.port)
    await eventually(status).toBe('Live')
    await eventually(journal).toContain('The log was in memory, and was lost with its process')
    await eventually(journal).toContain('Live again after')
    expect(await figure('gaps')).toBe(1)
    const before = await figure('received')
    await eventually(() => figure('received')).toBeGreaterThan(before + 10)
    expect([await figure('missing'), await figure('repeated')]).toEqual([0, 0])
    await eventually(() => page.locator('#facts').innerText()).toContain(`process ${demo.process.pid}`)
  })

  it('is notified of a stop by Ctrl-C, which exits with 0 within two seconds while the page is open', async () => {
    await openPage()
    const startedAt = performance.now()
    expect(await demo.process.stop({ signal: 'SIGINT', timeoutMs: 5_000 })).toEqual({ code: 0, signal: null })
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(demo.process.stderr).toBe('')
    await eventually(status).toMatch(/^Reconnecting/)
  })

  it('can be used from the keyboard, and keeps the focus through a cut', async () => {
    await openPage()
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').innerText()).toBe('Skip to the content')
    // Past the links to the views.
    for (let view = 0; view <= 6; view += 1) await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await eventually(journal).toContain('Resumed after')
    expect(await page.locator(':focus').getAttribute('id')).toBe('cut')
  })

  it('names the figures that this platform lacks, instead of drawing them', async () => {
    const data = { at: Date.now(), unavailable: 'The network counters are read from /proc/net/dev.' }
    await page.route('**/events?*', (route) =>
      route.fulfill({
        contentType: 'text/event-stream',
        body: `event: machine.network\ndata: ${JSON.stringify(data)}\n\n`,
      }),
    )
    await page.goto(demo.url)
    const card = page.locator('.chart', { hasText: 'machine.network' })
    await eventually(() => card.innerText()).toContain(
      'Not available on this platform. The network counters are read from /proc/net/dev.',
    )
    expect(await card.locator('.plot').isVisible()).toBe(false)
  })

  it.each([
    [360, 'light'],
    [1440, 'dark'],
  ] as const)('fits into a window of %i pixels', async (width, colorScheme) => {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme })
    await openPage()
    await eventually(() => figure('received')).toBeGreaterThan(10)
    const content = await page.locator('html').evaluate((html: { scrollWidth: number }) => html.scrollWidth)
    expect(content).toBeLessThanOrEqual(width)
  })

  describe.skipIf(redis.skip)('on three nodes', () => {
    beforeEach(async () => {
      await demo.process.kill()
      demo = await startDemo(0, ['--nodes', '3'])
    })

    const facts = (): Promise<string> => page.locator('#facts').innerText()
    const servedBy = async (): Promise<{ node: string; pid: number }> => {
      const [, node = '', pid = ''] = /served by node (\d) of 3 . process (\d+)/.exec(await facts()) ?? []
      return { node, pid: Number(pid) }
    }

    it('loses and repeats nothing when its node is killed, by its button or from outside', async () => {
      await openPage()
      await eventually(facts).toMatch(/served by node \d of 3/)
      await eventually(() => figure('received')).toBeGreaterThan(10)
      const kills = [
        async () => {
          await page.getByRole('link', { name: 'Connection', exact: true }).click()
          await page.getByRole('button', { name: 'Kill the process' }).click()
          await page.getByRole('link', { name: 'Overview' }).click()
        },
        ({ pid }: { pid: number }) => process.kill(pid, 'SIGKILL'),
      ]
      for (const [index, kill] of kills.entries()) {
        const before = await servedBy()
        await kill(before)
        await eventually(
          async () => (await journal()).match(/Resumed after .+ 0 missing, 0 repeated\./g)?.length,
        ).toBe(index + 1)
        await eventually(async () => (await servedBy()).pid).not.toBe(before.pid)
      }
      const before = await figure('received')
      await eventually(() => figure('received')).toBeGreaterThan(before + 10)
      expect([await figure('missing'), await figure('repeated'), await figure('gaps')]).toEqual([0, 0, 0])
    })

    it('puts a load on all nodes, one at a time, and plots the deliveries of each', async () => {
      await page.goto(`${demo.pageUrl}#/load`)
      await eventually(status).toBe('Live')
      await page.getByLabel('Clients').fill('30')
      await page.getByLabel('Events a second').fill('20')
      await page.getByRole('button', { name: 'Start' }).click()
      const load = (): Promise<string> => page.locator('.load-status').innerText()
      await eventually(load).toMatch(
        /^30 of 30 clients connected . [1-9]\d* \+ [1-9]\d* \+ [1-9]\d* by node . .+ deliveries$/,
      )
      const legend = page.locator('.load .chart').first().locator('.legend-item')
      await eventually(() => legend.allInnerTexts()).toEqual([
        expect.stringMatching(/^Node 1\s+[1-9][\d.,]*\/s$/),
        expect.stringMatching(/^Node 2\s+[1-9][\d.,]*\/s$/),
        expect.stringMatching(/^Node 3\s+[1-9][\d.,]*\/s$/),
      ])
      // Whichever node is asked, each knows that there is one, and can end it.
      const ask = (init: RequestInit): Promise<Response> =>
        fetch(`${demo.url}load`, {
          headers: { authorization: demo.authorization, connection: 'close' },
          ...init,
        })
      for (let n = 0; n < 3; n += 1)
        expect((await ask({ method: 'POST', body: '{"clients":1,"rate":1}' })).status).toBe(409)
      expect(await (await ask({ method: 'DELETE' })).json()).toEqual({ stopped: 1 })
      await eventually(load).toMatch(/^Stopped\. 30 of 30 clients connected/)
      expect(await (await ask({ method: 'DELETE' })).json()).toEqual({ stopped: 0 })
    })

    it('goes on when Redis is killed and comes back empty, and says what was lost', async () => {
      await demo.process.kill()
      await using server = await startRedis()
      demo = await startDemo(0, ['--nodes', '2', '--redis', server.url])
      await openPage()
      await eventually(() => figure('received')).toBeGreaterThan(10)
      await server.kill()
      const before = await figure('received')
      await server.start()
      await eventually(journal).toContain('The log was in memory, and was lost with its process')
      await eventually(() => figure('received')).toBeGreaterThan(before + 10)
      expect([await figure('missing'), await figure('repeated'), await figure('gaps')]).toEqual([0, 0, 1])
      expect(await status()).toBe('Live')
    })

    it('ends all of its processes by Ctrl-C, with 0', async () => {
      await openPage()
      await eventually(facts).toMatch(/served by node \d of 3/)
      const { pid } = await servedBy()
      expect(await demo.process.stop({ signal: 'SIGINT', timeoutMs: 8_000 })).toEqual({
        code: 0,
        signal: null,
      })
      expect(demo.process.stderr).toBe('')
      expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
    })
  })
})
