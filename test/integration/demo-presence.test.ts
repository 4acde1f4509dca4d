import { createContext, createRouter } from '@sse-toolkit/http-core'
import type { Router } from '@sse-toolkit/http-core'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { createVirtualClock } from '@sse-toolkit/testing'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { VirtualClock } from '@sse-toolkit/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_LISTED } from '../../apps/demo/src/presence/presence-snapshot.ts'
import type { PresenceSnapshot } from '../../apps/demo/src/presence/presence-snapshot.ts'
import { identityOf } from '../../apps/demo/src/server/faults.ts'
import { addPresenceRoutes } from '../../apps/demo/src/server/presence/routes.ts'
import { createVisitors } from '../../apps/demo/src/server/presence/visitors.ts'
import { startDemo } from './running-demo.ts'

const READER = 'a'.repeat(32)
const LOCAL = '127.0.0.1'

describe('presence', () => {
  let clock: VirtualClock
  let hub: Hub
  let router: Router

  beforeEach(() => {
    clock = createVirtualClock({ startMs: 50_000 })
    hub = createHub()
    router = createRouter()
    const runtime = { ...clock, wallClock: clock.now }
    addPresenceRoutes(router, { hub, node: 2, nodes: 3, runtime })
    router.get('/events', (request) =>
      hub.subscribe(request, { topics: ['a'], identity: identityOf(READER) }),
    )
  })
  afterEach(async () => {
    await hub.close()
  })

  const ask = (
    path: string,
    init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
    remoteAddress = LOCAL,
  ): Promise<Response> =>
    Promise.resolve(
      router.fetch(
        new Request(`http://127.0.0.1${path}`, { ...init, headers: { host: LOCAL, ...init.headers } }),
        createContext({ remoteAddress }),
      ),
    )

  /** A page that reads, until it is left. */
  async function openPage(remoteAddress = LOCAL): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const response = await ask(
      `/events?reader=${READER}`,
      { headers: { 'user-agent': 'Browser/1' } },
      remoteAddress,
    )
    const reader = response.body?.getReader()
    if (reader === undefined) throw new Error('a stream has a body')
    await reader.read()
    return reader
  }

  /** The snapshots as they come. */
  async function* watch(): AsyncGenerator<PresenceSnapshot> {
    const response = await ask(`/presence?reader=${READER}`)
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const [, data] = /^event: presence\ndata: (.+)$/.exec(text.slice(0, end)) ?? []
        text = text.slice(end + 2)
        if (data !== undefined) yield JSON.parse(data) as PresenceSnapshot
      }
    }
  }

  it('lists the readers with their topics, address and start', async () => {
    const page = await openPage('192.0.2.7')
    const snapshots = watch()
    const { value } = await snapshots.next()
    expect(value).toEqual({
      at: 50_000,
      node: 2,
      nodes: 3,
      total: 1,
      connections: [
        {
          identity: identityOf(READER),
          isAsker: true,
          address: '192.0.2.7',
          userAgent: 'Browser/1',
          topics: ['a'],
          position: expect.stringMatching(/-0$/) as string,
          since: 50_000,
          bufferedBytes: 0,
        },
      ],
    })
    expect(JSON.stringify(value)).not.toContain(READER)
    await snapshots.return(undefined)
    await page.cancel()
  })

  it('sends only changes, and stops when its page closes', async () => {
    const snapshots = watch()
    expect((await snapshots.next()).value).toMatchObject({ total: 0 })
    const next = snapshots.next()
    await clock.advance(10_000)
    const page = await openPage()
    await clock.advance(1_000)
    // Had there been one each second, this would be the first of them.
    expect((await next).value).toMatchObject({ at: 61_000, total: 1 })
    await page.cancel()
    const last = snapshots.next()
    await clock.advance(1_000)
    expect((await last).value).toMatchObject({ total: 0 })
    await snapshots.return(undefined)
    await expect.poll(() => clock.pendingTimers).toBe(0)
  })

  it('disconnects a reader, which may reconnect', async () => {
    const page = await openPage()
    const body = JSON.stringify({ identity: identityOf(READER) })
    const response = await ask('/presence/disconnect', { method: 'POST', body })
    expect(await response.json()).toEqual({ disconnected: 1 })
    expect(await page.read()).toMatchObject({ done: true })
    expect(hub.connections()).toHaveLength(0)
    const again = await openPage()
    expect(hub.connections()).toHaveLength(1)
    await again.cancel()
  })

  it.each(['{}', 'none'])('refuses %s, which selects no reader to disconnect', async (body) => {
    expect((await ask('/presence/disconnect', { method: 'POST', body })).status).toBe(400)
  })

  it('lists the oldest readers, and counts all', async () => {
    const many = createHub({ maxConnections: Infinity })
    const other = createRouter()
    addPresenceRoutes(other, { hub: many, node: 1, nodes: 1, runtime: { ...clock, wallClock: clock.now } })
    const readers = await Promise.all(
      Array.from({ length: MAX_LISTED + 1 }, async () => {
        const response = await many.subscribe(new Request('http://localhost/'), { topics: ['a'] })
        const reader = response.body?.getReader()
        await reader?.read()
        return reader
      }),
    )
    router = other
    const snapshots = watch()
    const { value } = await snapshots.next()
    expect(value).toMatchObject({ total: MAX_LISTED + 1 })
    expect((value as PresenceSnapshot).connections).toHaveLength(MAX_LISTED)
    await snapshots.return(undefined)
    await Promise.all(readers.map(async (reader) => reader?.cancel()))
    await many.close()
  })
})

it('forgets the visitors that were seen first', () => {
  const visitors = createVisitors()
  for (let index = 0; index <= 2_000; index += 1)
    visitors.note(`${index}`, { address: LOCAL, userAgent: 'x'.repeat(1_000) })
  expect(visitors.find('0')).toBeUndefined()
  expect(visitors.find('1')).toMatchObject({ address: LOCAL, userAgent: 'x'.repeat(200) })
})

describe('a visit', () => {
  const sinceAfter = (steps: (visitors: ReturnType<typeof createVisitors>) => void): number | undefined => {
    const visitors = createVisitors()
    visitors.note('a', { address: LOCAL, userAgent: undefined })
    visitors.arrive('a', 1_000, true)
    steps(visitors)
    return visitors.find('a')?.since
  }

  it('continues when the connection is reopened for a joining tab, whichever end is seen first', () => {
    expect(
      sinceAfter((visitors) => {
        visitors.arrive('a', 60_000, true)
        visitors.leave('a', 60_010)
      }),
    ).toBe(1_000)
    expect(
      sinceAfter((visitors) => {
        visitors.leave('a', 60_000)
        visitors.note('a', { address: LOCAL, userAgent: undefined })
        visitors.arrive('a', 60_900, true)
      }),
    ).toBe(1_000)
  })

  it('is a new one after a loss, or after a while', () => {
    expect(
      sinceAfter((visitors) => {
        visitors.leave('a', 60_000)
        visitors.arrive('a', 60_300, false)
      }),
    ).toBe(60_300)
    expect(
      sinceAfter((visitors) => {
        visitors.leave('a', 60_000)
        visitors.arrive('a', 62_000, true)
      }),
    ).toBe(62_000)
  })
})

const chromium = findChromium()

it.skipIf(chromium.skip)('lists each page, and ends the stream of another, which loses nothing', async () => {
  const { process: demo, url, pageUrl } = await startDemo()
  const browser = await launchChromium(chromium)
  try {
    // Not in one browser's tabs, which may share one stream.
    const [watcher, other] = [
      await (await browser.newContext()).newPage(),
      await (await browser.newContext()).newPage(),
    ]
    await other.goto(url)
    await watcher.goto(`${pageUrl}#/connections`)
    const rows = watcher.locator('.presence tbody tr')
    await expect.poll(() => rows.count(), { timeout: 10_000 }).toBe(2)
    expect(await rows.filter({ hasText: 'this browser' }).count()).toBe(1)
    expect(await rows.first().innerText()).toMatch(/reader [0-9a-f]{8}.*127\.0\.0\.1 . HeadlessChrome/s)
    await rows.filter({ hasNotText: 'this browser' }).getByRole('button').click()
    await expect
      .poll(() => watcher.locator('.presence-outcome').innerText())
      .toMatch(/^The server ended the stream of reader [0-9a-f]{8}\./)
    await expect
      .poll(() => other.locator('#journal').innerText(), { timeout: 10_000 })
      .toMatch(/0 missing, 0 repeated/)
    await expect.poll(() => rows.count(), { timeout: 10_000 }).toBe(2)
    await other.close()
    await expect.poll(() => rows.count(), { timeout: 10_000 }).toBe(1)
  } finally {
    await browser.close()
    await demo.kill()
  }
})
