import { createContext } from '@sse-toolkit/http-core'
import type { RegisteredRoute, Router } from '@sse-toolkit/http-core'
import { createHub } from '@sse-toolkit/sse-server'
import {
  findChromium,
  findNginx,
  findRedisServer,
  launchChromium,
  startNginx,
  startProcess,
} from '@sse-toolkit/test-support'
import type { StartedNginx } from '@sse-toolkit/test-support'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { CONTROL_REFUSALS } from '../../apps/demo/src/control-refusal.ts'
import type { ControlRefusalCode } from '../../apps/demo/src/control-refusal.ts'
import { createReaderConnections } from '../../apps/demo/src/server/connections.ts'
import { createControlAccess, createControlToken } from '../../apps/demo/src/server/control-access.ts'
import { createLocalLoadSupport } from '../../apps/demo/src/server/load/local-support.ts'
import { createReaderAccess } from '../../apps/demo/src/server/reader-access.ts'
import { createRoutes } from '../../apps/demo/src/server/routes.ts'
import { systemRuntime } from '../../apps/demo/src/server/runtime.ts'
import { DEMO, describeDemo, env, eventually, startDemo } from '../integration/running-demo.ts'
import type { RunningDemo } from '../integration/running-demo.ts'

const TOKEN = 'the-token-of-this-test'
const READER = 'abcdef0123456789'.repeat(2)
const nginx = findNginx()
const chromium = findChromium()
const redis = findRedisServer()

describe('the token of the controls', () => {
  const access = createControlAccess(TOKEN, () => 8080)
  const check = (headers: Record<string, string>): string =>
    access.check(new Request('http://localhost/', { headers }))
  const signIn = (path: string, init?: RequestInit): Response | undefined =>
    access.signIn(new Request(`http://localhost${path}`, init))

  it.each([
    [{}, 'token-missing'],
    [{ cookie: `sse-toolkit-demo-8080=${TOKEN}` }, 'granted'],
    [{ cookie: `a=1; sse-toolkit-demo-8080=${TOKEN};b=2` }, 'granted'],
    [{ cookie: `sse-toolkit-demo-8080=other; sse-toolkit-demo-8080=${TOKEN}` }, 'granted'],
    [{ cookie: 'sse-toolkit-demo-8080=' }, 'token-wrong'],
    [{ cookie: `sse-toolkit-demo-8080=${TOKEN}x` }, 'token-wrong'],
    [{ cookie: `sse-toolkit-demo-8081=${TOKEN}` }, 'token-missing'],
    [{ cookie: 'sse-toolkit-demo-8080' }, 'token-missing'],
    [{ authorization: `Bearer ${TOKEN}` }, 'granted'],
    [{ authorization: `bearer ${TOKEN}` }, 'granted'],
    [{ authorization: 'Bearer other' }, 'token-wrong'],
    [{ authorization: `Basic ${TOKEN}` }, 'token-missing'],
    [{ authorization: 'Bearer other', cookie: `sse-toolkit-demo-8080=${TOKEN}` }, 'granted'],
  ])('is read from %j: %s', (headers, verdict) => {
    expect(check(headers)).toBe(verdict)
  })

  it("moves from the page's address into a cookie that no script and no other site can use", () => {
    const response = signIn(`/?token=${TOKEN}`)
    expect(response?.status).toBe(303)
    expect(Object.fromEntries(response?.headers ?? [])).toEqual({
      location: '/',
      'set-cookie': `sse-toolkit-demo-8080=${TOKEN}; Path=/; HttpOnly; SameSite=Strict`,
      'cache-control': 'no-store',
    })
    const overTls = access.signIn(new Request(`https://localhost/?token=${TOKEN}`))
    expect(overTls?.headers.get('set-cookie')).toMatch(/; Secure$/)
  })

  it.each([
    ['/', {}],
    ['/?token=', {}],
    ['/?token=other', {}],
    [`/about?token=${TOKEN}`, {}],
    [`/?token=${TOKEN}`, { method: 'POST' }],
  ])('is not taken from %s %j', (path, init) => {
    expect(signIn(path, init)).toBeUndefined()
  })

  it('is new at each start, too long to guess, and needs no escaping', () => {
    const tokens = Array.from({ length: 10 }, () => createControlToken())
    expect(new Set(tokens).size).toBe(10)
    for (const token of tokens) expect(token).toMatch(/^[\w-]{32}$/)
  })
})

describe('the routes', () => {
  /** Every request that needs no token. Adding a route here states that it can do no harm. */
  const OPEN = new Set([
    'GET /',
    'GET /page.js',
    'GET /page.js.map',
    'GET /page.css',
    'GET /icon.svg',
    'GET /about',
    'GET /events',
    'GET /topics',
    'POST /access',
    'GET /load/events',
  ])
  let router: Router

  beforeEach(() => {
    const hub = createHub()
    const made = createRoutes({
      hub,
      pageFiles: Promise.resolve(new Map()),
      connections: createReaderConnections(),
      access: createReaderAccess('key', systemRuntime),
      controls: createControlAccess(TOKEN, () => 8080),
      injectFault: async () => 0,
      inspectReach: 'loopback',
      loadSupport: createLocalLoadSupport(),
      ownUrl: () => 'http://127.0.0.1:1/',
      runtime: systemRuntime,
      node: 1,
      about: { platform: '', cpuModel: '', cores: 1, totalBytes: 1, node: '', pid: 1, start: 1, nodes: 1 },
    })
    ;({ router } = made)
    onTestFinished(async () => {
      await made.load.close()
      await hub.close()
    })
  })

  async function ask(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    remoteAddress = '127.0.0.1',
  ): Promise<{ status: number; code: unknown; challenge: string | null }> {
    const response = await router.fetch(
      new Request(`http://127.0.0.1${path}`, { method, headers: { host: '127.0.0.1', ...headers } }),
      createContext({ remoteAddress }),
    )
    const isJson = response.headers.get('content-type') === 'application/json'
    const { code } = (isJson ? await response.json() : {}) as { code?: unknown }
    await response.body?.cancel().catch(() => {})
    return { status: response.status, code, challenge: response.headers.get('www-authenticate') }
  }

  const closed = (): readonly RegisteredRoute[] =>
    router.routes.filter((route) => !OPEN.has(`${route.method} ${route.route.pattern}`))
  const authorization = `Bearer ${TOKEN}`
  const missing = {
    status: 401,
    code: 'token-missing',
    challenge: 'Bearer realm="SSE toolkit demo"',
  }

  it('need the token, wherever the request comes from, except the read-only ones', async () => {
    expect(closed().map(String).toSorted()).toEqual(
      [
        'GET /hub',
        'POST /faults/cut',
        'POST /faults/silence',
        'POST /faults/slow',
        'POST /faults/expire',
        'POST /faults/revoke',
        'POST /faults/allow',
        'POST /faults/restart',
        'POST /faults/kill',
        'GET /presence',
        'POST /presence/disconnect',
        'POST /inspect',
        'POST /load',
        'DELETE /load',
        'POST /publish',
      ].toSorted(),
    )
    for (const { method, route } of closed()) {
      for (const remoteAddress of ['127.0.0.1', '::1', '192.0.2.1'])
        expect([route.pattern, await ask(method, route.pattern, {}, remoteAddress)]).toEqual([
          route.pattern,
          missing,
        ])
      expect(await ask(method, route.pattern, { authorization: 'Bearer other' })).toMatchObject({
        status: 401,
        code: 'token-wrong',
      })
      const { status } = await ask(method, route.pattern, { authorization }, '192.0.2.1')
      expect([route.pattern, status]).toEqual([route.pattern, expect.not.toBeOneOf([401, 403])])
    }
  })

  it('refuse pages of other sites even with the cookie', async () => {
    const cookie = `sse-toolkit-demo-8080=${TOKEN}`
    for (const { method, route } of closed())
      for (const foreign of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { origin: 'http://127.0.0.1:3000' },
      ])
        expect(await ask(method, route.pattern, { cookie, ...foreign })).toMatchObject({
          status: 403,
          code: 'other-site',
        })
    expect(await ask('POST', '/access', { 'sec-fetch-site': 'cross-site' })).toMatchObject({ status: 403 })
    // Typed into the address bar.
    expect(await ask('GET', '/hub', { cookie, 'sec-fetch-site': 'none' })).toMatchObject({ status: 200 })
  })

  it.each([
    ['GET', '/nowhere'],
    ['PUT', '/publish'],
    ['POST', '/events'],
    ['OPTIONS', '/publish'],
    ['GET', '/%zz'],
  ])('need the token where there is no route, too: %s %s', async (method, path) => {
    expect(await ask(method, path)).toEqual(missing)
    expect((await ask(method, path, { authorization })).status).not.toBe(401)
  })

  it('answer nothing to a host name from DNS rebinding without the token', async () => {
    const foreign = { host: 'demo.example' }
    for (const path of ['/about', '/hub']) {
      expect(await ask('GET', path, foreign)).toMatchObject({ status: 421 })
      expect(await ask('GET', path, { ...foreign, authorization })).toMatchObject({ status: 200 })
    }
    expect(await ask('GET', `/?token=${TOKEN}`, foreign)).toMatchObject({ status: 303 })
    expect(await ask('GET', '/?token=other', foreign)).toMatchObject({ status: 421 })
  })
})

describe('a token that the user sets', () => {
  it.each([
    [['--token', TOKEN], {}],
    [[], { SSE_DEMO_TOKEN: TOKEN }],
    [['--token', TOKEN], { SSE_DEMO_TOKEN: 'another-of-sixteen' }],
  ])('is required by the controls, and is not printed: %j %j', async (args, variables) => {
    await using process = await startProcess({
      args: [DEMO, '--port', '0', ...args],
      env: { ...env, ...variables },
      ready: /To use its controls, open \S+\/\?token= with your token/,
    })
    expect(process.stdout).not.toContain(TOKEN)
    const { url } = describeDemo(process)
    const hub = await fetch(`${url}hub`, { headers: { authorization: `Bearer ${TOKEN}` } })
    expect(hub.status).toBe(200)
  })

  it.each([
    [['--token', 'short'], {}, '--token'],
    [['--token', 'with a space in it'], {}, '--token'],
    [[], { SSE_DEMO_TOKEN: 'fifteen-letters' }, 'SSE_DEMO_TOKEN'],
  ])('is refused without being printed if it is invalid: %j %j', async (args, variables, name) => {
    await using process = await startProcess({
      args: [DEMO, '--port', '0', ...args],
      env: { ...env, ...variables },
    })
    expect(await process.exited).toMatchObject({ code: 2 })
    expect(process.stderr).toBe(`${name} is invalid: give 16 to 128 letters, digits, and - . _ ~.\n`)
  })
})

describe.skipIf(nginx.skip)('behind nginx on the same machine, which says Host: 127.0.0.1', () => {
  let demo: RunningDemo
  let proxy: StartedNginx | undefined
  let url: string

  async function start(...args: string[]): Promise<void> {
    demo = await startDemo(0, args)
    // Its defaults: it sends its own Host, and adds nothing about the client.
    proxy = await startNginx(`proxy_pass ${demo.url}; proxy_http_version 1.1;`)
    url = `http://127.0.0.1:${proxy.port}/`
  }
  afterEach(async () => {
    await proxy?.[Symbol.asyncDispose]()
    await demo.process.kill()
  })

  const reader = JSON.stringify({ reader: READER })
  const CONTROLS: readonly (readonly [method: string, path: string, body?: string])[] = [
    ['GET', 'hub'],
    ['GET', 'presence'],
    ['POST', 'presence/disconnect', '{"identity":"reader 00000000"}'],
    ['POST', 'publish', '{"topic":"play.a","data":1}'],
    ['POST', 'inspect', '{"url":"http://127.0.0.1:1/"}'],
    ['POST', 'load', '{"clients":1,"rate":1}'],
    ['DELETE', 'load'],
    ...['cut', 'silence', 'slow', 'expire', 'revoke', 'allow', 'kill', 'restart'].map(
      (fault) => ['POST', `faults/${fault}`, reader] as const,
    ),
  ]

  async function ask(
    [method, path, body]: (typeof CONTROLS)[number],
    headers: Record<string, string>,
  ): Promise<readonly [path: string, status: number, code: unknown]> {
    const abort = new AbortController()
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { connection: 'close', ...headers },
      signal: abort.signal,
      ...(body !== undefined && { body }),
    })
    const { code } = (response.ok ? {} : await response.json()) as { code?: unknown }
    // Some are streams.
    abort.abort()
    return [path, response.status, code]
  }

  it('every control needs the token, and works with it', async () => {
    await start()
    for (const control of CONTROLS) {
      const [, path] = control
      expect(await ask(control, {})).toEqual([path, 401, 'token-missing'])
      expect(await ask(control, { authorization: 'Bearer wrong' })).toEqual([path, 401, 'token-wrong'])
      expect(await ask(control, { cookie: `sse-toolkit-demo-${demo.port}=wrong` })).toEqual([
        path,
        401,
        'token-wrong',
      ])
      const foreign = { authorization: demo.authorization, 'sec-fetch-site': 'cross-site' }
      expect(await ask(control, foreign)).toEqual([path, 403, 'other-site'])
      expect(await ask(control, { authorization: demo.authorization })).toEqual([path, 200, undefined])
    }
  })

  it('read-only routes need no token', async () => {
    await start()
    for (const path of ['', 'page.js', 'page.css', 'icon.svg', 'about', 'events', 'topics?topic=machine.*'])
      expect(await ask(['GET', path], {})).toEqual([path, 200, undefined])
    expect(await (await fetch(`${url}about`)).json()).toMatchObject({ controls: 'token-missing' })
    const headers = { authorization: demo.authorization }
    expect(await (await fetch(`${url}about`, { headers })).json()).toMatchObject({ controls: 'allowed' })
  })

  it.skipIf(redis.skip)(
    'all nodes accept the token, also after a restart and a kill',
    async () => {
      await start('--nodes', '2')
      const headers = { authorization: demo.authorization }
      const seen = new Set<number>()
      /** Asks whichever node answers, until so many processes have: all of them take the token. */
      const untilSeen = (processes: number): Promise<void> =>
        eventually(
          async () => {
            const response = await fetch(`${url}about`, { headers: { ...headers, connection: 'close' } })
            const { pid, controls } = (await response.json()) as { pid: number; controls: string }
            expect(controls).toBe('allowed')
            return seen.add(pid).size
          },
          // The old process may take ten seconds to stop, and the new one some to start.
          { timeout: 40_000 },
        ).toBe(processes)
      await untilSeen(2)
      for (const [index, fault] of ['restart', 'kill'].entries()) {
        const stream = await fetch(`${url}events?reader=${READER}`)
        const ended = stream.text().catch(() => 'broken')
        await eventually(async () => {
          const response = await fetch(`${url}faults/${fault}`, { method: 'POST', headers, body: reader })
          // The node that was asked may be the one that was killed: then nginx has no answer.
          return response.status === 502 ? { [fault]: 1 } : response.json()
        }).toEqual({ [fault]: 1 })
        await ended
        await untilSeen(3 + index)
      }
      expect((await ask(['GET', 'hub'], {}))[1]).toBe(401)
    },
    120_000,
  )

  describe.skipIf(chromium.skip)('in a browser', () => {
    let browser: Browser
    let context: BrowserContext
    let page: Page

    beforeAll(async () => {
      browser = await launchChromium(chromium)
    })
    afterAll(async () => {
      await browser.close()
    })
    beforeEach(async () => {
      await start()
      context = await browser.newContext()
      page = await context.newPage()
    })
    afterEach(async () => {
      await context.close()
    })

    const goTo = (name: string): Promise<void> => page.getByRole('link', { name, exact: true }).click()
    const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click()
    const textOf = (selector: string) => (): Promise<string> => page.locator(selector).innerText()
    const notice = (): Promise<string> => textOf('#control-notice')()

    async function expectEachControlToSay(code: ControlRefusalCode): Promise<void> {
      const refusal = CONTROL_REFUSALS[code]
      await eventually(textOf('#status')).toBe('Live')
      await eventually(notice).toBe(`You can watch. ${refusal}`)
      await press('Cut the connection')
      await eventually(textOf('#cut-report')).toBe(refusal)
      await goTo('Connection')
      for (const [name, id] of [
        ['Go silent', '#fault-silence-report'],
        ['Restart the server', '#fault-restart-report'],
        ['Revoke me', '#fault-revoke-report'],
      ] as const) {
        await press(name)
        await eventually(textOf(id)).toBe(refusal)
      }
      await goTo('Topics')
      await press('Publish')
      await eventually(() => page.locator('.form-answer').last().innerText()).toBe(refusal)
      await goTo('Connections')
      await eventually(textOf('.presence .lead')).toBe(refusal)
      await goTo('Load')
      await press('Start')
      await eventually(textOf('.load-status')).toBe(refusal)
      await goTo('Inspect')
      await press('Inspect')
      await eventually(textOf('.inspect-summary')).toBe(refusal)
    }

    it('a visitor can watch, and each control explains how to get the token', async () => {
      await page.goto(url)
      await expectEachControlToSay('token-missing')
      await goTo('Overview')
      const received = async (): Promise<number> =>
        Number((await page.locator('#received').innerText()).replaceAll(',', ''))
      const before = await received()
      await eventually(received).toBeGreaterThan(before)
    })

    it('a token from an earlier start is reported as such, and removed from the address', async () => {
      await page.goto(`${url}?token=${createControlToken()}#/overview`)
      expect(page.url()).toBe(`${url}#/overview`)
      await eventually(notice).toBe(`You can watch. ${CONTROL_REFUSALS['token-wrong']}`)
      await context.addCookies([
        { name: `sse-toolkit-demo-${demo.port}`, value: createControlToken(), url, httpOnly: true },
      ])
      await page.goto(`${url}about`)
      await page.goto(url)
      await expectEachControlToSay('token-wrong')
    })

    it('the printed address grants access: the token is removed from it, and every control works', async () => {
      const { search } = new URL(demo.pageUrl)
      await page.goto(`${url}${search}#/connection`)
      expect(page.url()).toBe(`${url}#/connection`)
      const [cookie] = await context.cookies()
      expect(cookie).toMatchObject({
        value: search.slice('?token='.length),
        httpOnly: true,
        sameSite: 'Strict',
      })
      await eventually(textOf('#status')).toBe('Live')
      expect(await page.locator('#control-notice').isVisible()).toBe(false)
      await page.locator('#cut').click()
      await eventually(textOf('.view-connection .journal-list')).toMatch(/Resumed after .+ 0 missing/)
      await goTo('Topics')
      await press('Publish')
      await eventually(() => page.locator('.form-answer').last().innerText()).toMatch(/^Published as /)
      await goTo('Connections')
      await eventually(textOf('.presence .lead')).toMatch(/^\d+ streams? comes? from this server\.$/)
      await goTo('Load')
      await page.getByLabel('Clients').fill('2')
      await press('Start')
      await eventually(textOf('.load-status')).toMatch(/^2 of 2 clients connected/)
      await goTo('Inspect')
      await press('Inspect')
      await eventually(textOf('.inspect-summary')).toMatch(/^Status 200 after/)
    })

    it('a watching tab gains the controls once another tab has the token', async () => {
      await page.goto(url)
      await press('Cut the connection')
      await eventually(textOf('#cut-report')).toBe(CONTROL_REFUSALS['token-missing'])
      const other = await context.newPage()
      await other.goto(`${url}${new URL(demo.pageUrl).search}`)
      await other.close()
      await press('Cut the connection')
      await eventually(textOf('#journal')).toContain('Resumed after')
      await eventually(textOf('#cut-report')).toMatch(/nothing missing, nothing twice\.$/)
      await eventually(() => page.locator('#control-notice').isVisible()).toBe(false)
      expect(await page.locator('#missing').innerText()).toBe('0')
    })

    it('the page of another site on this machine, whose requests carry the cookie, is refused', async () => {
      await page.goto(`${url}${new URL(demo.pageUrl).search}`)
      // Another port is another origin, but the same site: SameSite does not keep the cookie from it.
      const body = `<form method=post enctype=text/plain action=${url}publish><input name='{"topic":"play.a","data":"' value='"}'><button>`
      await using attacker = await startNginx(
        `default_type text/html; return 200 "${body.replaceAll('"', '\\"')}";`,
      )
      const foreign = await context.newPage()
      await foreign.goto(`http://127.0.0.1:${attacker.port}/`)
      const [response] = await Promise.all([
        foreign.waitForResponse(`${url}publish`),
        foreign.getByRole('button').click(),
      ])
      expect(await response.request().allHeaders()).toMatchObject({
        cookie: expect.stringContaining(`sse-toolkit-demo-${demo.port}=`) as string,
        'sec-fetch-site': 'same-site',
      })
      expect([response.status(), await response.json()]).toEqual([
        403,
        { code: 'other-site', message: CONTROL_REFUSALS['other-site'] },
      ])
    })
  })
})
