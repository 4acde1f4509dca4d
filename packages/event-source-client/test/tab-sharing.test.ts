import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { createEventSource } from '../src/index.ts'
import type { EventSourceClient, EventSourceOptions, Gap, ResponseError, StreamStatus } from '../src/index.ts'
import { createMemoryServer } from './memory-transport.ts'
import type { MemoryServer } from './memory-transport.ts'

/*
 * Clients of one process stand for pages: Node has Web Locks (since 24.5) and BroadcastChannel too. What only browsers
 * can do, such as killing a page, is in browser/tab-sharing.abroad.test.ts.
 */

interface SharedPage {
  readonly client: EventSourceClient
  readonly data: string[]
  readonly statuses: StreamStatus[]
  readonly gaps: Gap[]
}

let lastName = 0

/** Opens pages that share a stream of their own. */
function makePages(): { server: MemoryServer; openPage: (options?: EventSourceOptions) => SharedPage } {
  const server = createMemoryServer()
  lastName += 1
  const url = `http://test/${lastName}`
  const openPage = (options: EventSourceOptions = {}): SharedPage => {
    const client = createEventSource(url, {
      share: 'origin',
      transport: server.transport,
      reconnection: { baseDelayMs: 20, minDelayMs: 5 },
      ...options,
    })
    const page: SharedPage = { client, data: [], statuses: [], gaps: [] }
    client.onAny((event) => page.data.push(event.data))
    client.onStatus((status) => page.statuses.push(status))
    client.onGap((gap) => page.gaps.push(gap))
    return page
  }
  return { server, openPage }
}

const requested = (server: MemoryServer, count: number): Promise<void> =>
  expect.poll(() => server.exchanges.length).toBe(count)
const lastEventIdOf = (server: MemoryServer): string | null =>
  server.last.request.headers.get('last-event-id')
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await nextTurn()
}

/** Runs a task when the next page asks to join: the page listens to the channel, and the leader has not read its request. */
async function onNextJoin(task: () => void): Promise<void> {
  await new Promise<void>((resolve) => {
    let waiting: (() => void) | undefined = task
    class WatchedChannel extends BroadcastChannel {
      override postMessage(relay: { kind: string }): void {
        // eslint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none.
        super.postMessage(relay)
        if (relay.kind !== 'join') return
        waiting?.()
        waiting = undefined
        resolve()
      }
    }
    vi.stubGlobal('BroadcastChannel', WatchedChannel)
  })
  vi.unstubAllGlobals()
}

const hasLocks = typeof navigator === 'object' && 'locks' in navigator

describe.skipIf(!hasLocks)('pages that share a stream', () => {
  it('pages have one connection, and all get its events, comments and status', async () => {
    const { server, openPage } = makePages()
    const pages = [openPage(), openPage(), openPage()]
    await requested(server, 1)
    server.last.respondMarked()
    server.last.write('id: e-1\n\n')
    await settle()
    const comments: string[] = []
    pages[2]?.client.onComment((text) => comments.push(text))
    server.last.write(': hi\nid: e-2\ndata: a\n\n')
    await expect.poll(() => pages.map(({ data }) => data)).toEqual([['a'], ['a'], ['a']])
    expect([comments, server.exchanges.length]).toEqual([['hi'], 1])
    for (const { client } of pages) expect([client.status.state, client.lastEventId]).toEqual(['open', 'e-2'])
    for (const { client } of pages) client.close()
    expect(server.openCount).toBe(0)
  })

  it('when the holder closes, the next page resumes at the position of all', async () => {
    const { server, openPage } = makePages()
    const [first, second] = [openPage(), openPage()]
    await requested(server, 1)
    server.last.respondMarked()
    server.last.write('id: e-1\ndata: a\n\n')
    await settle()
    first.client.close()
    await requested(server, 2)
    expect(lastEventIdOf(server)).toBe('e-1')
    expect(server.openCount).toBe(1)
    second.client.close()
  })

  it('when a page joins with an older position, the connection goes back, and the other pages drop the repeats', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respondMarked()
    server.last.write('id: e-7\ndata: 7\n\nid: e-8\ndata: 8\n\n')
    await settle()
    const late = openPage({ lastEventId: 'e-6' })
    await requested(server, 2)
    expect(lastEventIdOf(server)).toBe('e-6')
    server.last.respondMarked()
    server.last.write('id: e-7\ndata: 7\n\n')
    // Cut in the middle of what is repeated: it goes on there, not where the first page is.
    server.last.end()
    await requested(server, 3)
    expect(lastEventIdOf(server)).toBe('e-7')
    server.last.respondMarked()
    server.last.write('id: e-8\ndata: 8\n\nid: e-9\ndata: 9\n\n')
    await expect.poll(() => late.data).toEqual(['7', '8', '9'])
    expect(first.data).toEqual(['7', '8', '9'])
    first.client.close()
    late.client.close()
  })

  it('a page that joins while events arrive misses none: it takes no event before the leader knows about the page', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respondMarked()
    server.last.write('id: e-7\ndata: 7\n\n')
    await settle()
    const atJoin = onNextJoin(() => server.last.write('id: e-8\ndata: 8\n\n'))
    const late = openPage({ lastEventId: 'e-6' })
    await atJoin
    await requested(server, 2)
    server.last.respondMarked()
    server.last.write('id: e-7\ndata: 7\n\nid: e-8\ndata: 8\n\nid: e-9\ndata: 9\n\n')
    await expect.poll(() => late.data).toEqual(['7', '8', '9'])
    expect(first.data).toEqual(['7', '8', '9'])
    first.client.close()
    late.client.close()
  })

  it('a page that joins with earliest gets the whole log once, and the other pages drop the repeats', async () => {
    const { server, openPage } = makePages()
    const first = openPage({ lastEventId: 'earliest' })
    await requested(server, 1)
    expect(lastEventIdOf(server)).toBe('earliest')
    server.last.respondMarked()
    server.last.write('id: e-0\n\nid: e-1\ndata: 1\n\nid: e-2\ndata: 2\n\n')
    await settle()
    const late = openPage({ lastEventId: 'earliest' })
    await requested(server, 2)
    expect(lastEventIdOf(server)).toBe('earliest')
    server.last.respondMarked()
    server.last.write('id: e-0\n\nid: e-1\ndata: 1\n\n')
    await expect.poll(() => late.data).toEqual(['1'])
    server.last.write('id: e-2\ndata: 2\n\nid: e-3\ndata: 3\n\n')
    await expect.poll(() => late.data).toEqual(['1', '2', '3'])
    expect(first.data).toEqual(['1', '2', '3'])
    expect([first.gaps, late.gaps, server.exchanges.length]).toEqual([[], [], 2])
    // Connected once, as far as the page that joined can see.
    expect(late.statuses.map(({ state }) => state)).toEqual(['connecting', 'open'])
    expect(first.statuses.map(({ state }) => state)).not.toContain('reconnecting')
    first.client.close()
    late.client.close()
  })

  it('when the holder closes in the middle of a repeat for a page that joined with earliest, all pages go on from there', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respondMarked()
    server.last.write('id: e-1\ndata: 1\n\nid: e-2\ndata: 2\n\n')
    await settle()
    const late = openPage({ lastEventId: 'earliest' })
    await requested(server, 2)
    server.last.respondMarked()
    server.last.write('id: e-0\n\nid: e-1\ndata: 1\n\n')
    await expect.poll(() => late.data).toEqual(['1'])
    first.client.close()
    await requested(server, 3)
    expect(lastEventIdOf(server)).toBe('e-1')
    server.last.respondMarked()
    server.last.write('id: e-2\ndata: 2\n\n')
    await expect.poll(() => late.data).toEqual(['1', '2'])
    late.client.close()
  })

  it('pages that all begin with earliest before the first answer have one connection', async () => {
    const { server, openPage } = makePages()
    const pages = [openPage({ lastEventId: 'earliest' }), openPage({ lastEventId: 'earliest' })]
    await requested(server, 1)
    await settle()
    server.last.respondMarked()
    server.last.write('id: e-0\n\nid: e-1\ndata: 1\n\n')
    await expect.poll(() => pages.map(({ data }) => data)).toEqual([['1'], ['1']])
    expect(server.exchanges).toHaveLength(1)
    for (const { client } of pages) client.close()
  })

  it('each page gets a finite topic from its beginning, whenever it joins', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    expect(lastEventIdOf(server)).toBe(null)
    server.last.respond()
    server.last.write(': sse-toolkit 1\nid: e-0\n\nid: e-1\ndata: 1\n\nid: e-2\ndata: 2\n\n')
    await settle()
    const second = openPage()
    await requested(server, 2)
    expect(lastEventIdOf(server)).toBe('earliest')
    server.last.respond()
    server.last.write(
      ': sse-toolkit 1\nid: e-0\n\nid: e-1\ndata: 1\n\nid: e-2\ndata: 2\n\nid: e-3\ndata: 3\n\n',
    )
    await expect.poll(() => second.data).toEqual(['1', '2', '3'])
    // The first page reloads: now the second holds the connection, which it resumed in the middle.
    first.client.close()
    await requested(server, 3)
    expect(lastEventIdOf(server)).toBe('e-3')
    server.last.respond()
    server.last.write(': sse-toolkit 1\nid: e-3\n\n')
    await settle()
    const reloaded = openPage()
    await requested(server, 4)
    expect(lastEventIdOf(server)).toBe('earliest')
    server.last.respond()
    server.last.write(
      ': sse-toolkit 1\nid: e-0\n\nid: e-1\ndata: 1\n\nid: e-2\ndata: 2\n\nid: e-3\ndata: 3\n\n',
    )
    server.last.write(
      'id: e-4\ndata: 4\n\nid: e-4\nevent: stream.end\ndata: {"topic":"t","reason":"completed"}\n\n',
    )
    for (const { client } of [second, reloaded]) expect(await client.closed).toBe('completed')
    expect(
      [first.data, second.data, reloaded.data].map((data) => data.filter((text) => text.length === 1)),
    ).toEqual([
      ['1', '2', '3'],
      ['1', '2', '3', '4'],
      ['1', '2', '3', '4'],
    ])
    expect([first, second, reloaded].flatMap(({ gaps }) => gaps)).toEqual([])
  })

  it('a page that joins a feed which began in the middle of its log gets events from then on', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respond()
    server.last.write(': sse-toolkit 1\nid: e-7\n\nid: e-8\ndata: 8\n\n')
    await settle()
    const second = openPage()
    await expect.poll(() => second.client.status.state).toBe('open')
    server.last.write('id: e-9\ndata: 9\n\n')
    await expect.poll(() => second.data).toEqual(['9'])
    expect(server.exchanges).toHaveLength(1)
    first.client.close()
    second.client.close()
  })

  it('pages get every event of a server whose ids are not positions, also after another page takes over', async () => {
    const { server, openPage } = makePages()
    const [first, second] = [openPage(), openPage()]
    await requested(server, 1)
    server.last.respond()
    await settle()
    server.last.write('id: job-3\ndata: a\n\nid: job-1\ndata: b\n\nid: job-1\nevent: stream.end\ndata: c\n\n')
    await expect.poll(() => second.data).toEqual(['a', 'b', 'c'])
    first.client.close()
    await requested(server, 2)
    expect(lastEventIdOf(server)).toBe('job-1')
    server.last.respond()
    server.last.write('id: job-0\ndata: d\n\n')
    await expect.poll(() => second.data).toEqual(['a', 'b', 'c', 'd'])
    expect(first.data).toEqual(['a', 'b', 'c'])
    second.client.close()
  })

  it('pages learn from the leader that the server follows the contract, and each applies its own wireContract option', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respondMarked()
    await settle()
    const auto = openPage()
    const ignoring = openPage({ wireContract: 'ignore' })
    await expect
      .poll(() => [auto, ignoring].map(({ client }) => client.status.state))
      .toEqual(['open', 'open'])
    server.last.write('id: e-2\ndata: a\n\nid: e-1\ndata: b\n\nevent: stream.end\ndata: {}\n\n')
    expect(await auto.client.closed).toBe('completed')
    await expect.poll(() => ignoring.data).toEqual(['a', 'b', '{}'])
    expect([first.data, auto.data]).toEqual([
      ['a', '{}'],
      ['a', '{}'],
    ])
    ignoring.client.close()
  })

  it('the names of locks and channels include the version of the protocol between pages', async () => {
    const { server, openPage } = makePages()
    const page = openPage()
    await requested(server, 1)
    const { held } = await navigator.locks.query()
    expect(held?.map(({ name }) => name)).toContainEqual(expect.stringMatching(/^sse-toolkit 1 http:/))
    page.client.close()
  })

  it('pages are notified of a new log even if the server was asked for earliest on behalf of a joining page', async () => {
    const { server, openPage } = makePages()
    const [first, second] = [openPage(), openPage()]
    await requested(server, 1)
    server.last.respondMarked()
    server.last.write('id: old-5\ndata: 5\n\n')
    await expect.poll(() => second.data).toEqual(['5'])
    server.last.end()
    const late = openPage({ lastEventId: 'earliest' })
    await expect.poll(() => server.exchanges.length && lastEventIdOf(server)).toBe('earliest')
    server.last.respondMarked()
    server.last.write('id: new-0\n\nid: new-1\ndata: 1\n\n')
    const gap: Gap = { reason: 'epoch', requested: 'old-5', earliest: null, latest: 'new-0' }
    for (const page of [first, second]) {
      await expect.poll(() => page.data.at(-1)).toBe('1')
      expect(page.gaps).toEqual([gap])
    }
    await expect.poll(() => late.data).toEqual(['1'])
    expect(late.gaps).toEqual([])
    for (const { client } of [first, second, late]) client.close()
  })

  it('only the page that joined with an evicted position gets the gap', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respondMarked()
    server.last.write('id: e-9\ndata: 9\n\n')
    await settle()
    const late = openPage({ lastEventId: 'e-1' })
    await requested(server, 2)
    server.last.respondMarked()
    const gap: Gap = { reason: 'evicted', requested: 'e-1', earliest: 'e-8', latest: 'e-9' }
    server.last.write(`id: e-7\nevent: stream.gap\ndata: ${JSON.stringify(gap)}\n\n`)
    server.last.write('id: e-8\ndata: 8\n\nid: e-9\ndata: 9\n\nid: e-10\ndata: 10\n\n')
    await expect.poll(() => late.data.length).toBe(4)
    expect([late.gaps, late.data.slice(1)]).toEqual([[gap], ['8', '9', '10']])
    expect([first.gaps, first.data]).toEqual([[], ['9', '10']])
    first.client.close()
    late.client.close()
  })

  it('a page that joins with a position of another epoch gets a gap', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respondMarked()
    server.last.write('id: new-5\ndata: 5\n\n')
    await settle()
    const late = openPage({ lastEventId: 'old-3' })
    await expect
      .poll(() => late.gaps)
      .toEqual([{ reason: 'epoch', requested: 'old-3', earliest: null, latest: 'new-5' }])
    server.last.write('id: new-6\ndata: 6\n\n')
    await expect.poll(() => late.data.at(-1)).toBe('6')
    expect([late.client.lastEventId, server.exchanges.length]).toEqual(['new-6', 1])
    first.client.close()
    late.client.close()
  })

  it('a refusal closes all pages, with the whole error', async () => {
    const { server, openPage } = makePages()
    const pages = [openPage(), openPage()]
    await requested(server, 1)
    await settle()
    server.last.respond(403, { 'content-type': 'text/plain', 'x-why': 'because' })
    server.last.write('not you')
    server.last.end()
    for (const { client } of pages) {
      expect(await client.closed).toBe('refused')
      const { cause } = client.status as { cause: ResponseError }
      expect([cause.name, cause.status, cause.body, cause.headers.get('x-why')]).toEqual([
        'ResponseError',
        403,
        'not you',
        'because',
      ])
    }
    await settle()
    expect(server.exchanges).toHaveLength(1)
  })

  it('a page whose reader is too slow does not affect the holder', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respondMarked()
    await settle()
    const slow = openPage({ maxBufferedBytes: 1000 })
    const iterator = slow.client[Symbol.asyncIterator]()
    await expect.poll(() => slow.client.status.state).toBe('open')
    server.last.write(`data: ${'x'.repeat(1000)}\n\n`)
    expect(await slow.client.closed).toBe('error')
    await iterator.return?.()
    expect([first.client.status.state, server.openCount]).toEqual(['open', 1])
    first.client.close()
  })

  it('reconnect() takes effect even before a page has joined', async () => {
    const { server, openPage } = makePages()
    const first = openPage()
    await requested(server, 1)
    server.last.respondMarked()
    await settle()
    const second = openPage()
    second.client.reconnect()
    await requested(server, 2)
    expect(server.openCount).toBe(1)
    first.client.close()
    second.client.close()
  })

  it('a page that is closed before it has joined opens nothing', async () => {
    let channels = 0
    class CountedChannel extends BroadcastChannel {
      constructor(name: string) {
        super(name)
        channels += 1
      }
    }
    vi.stubGlobal('BroadcastChannel', CountedChannel)
    const { server, openPage } = makePages()
    const hasty = openPage()
    hasty.client.close()
    expect(await hasty.client.closed).toBe('client')
    await settle()
    expect(hasty.statuses.map(({ state }) => state)).toEqual(['closed'])
    expect([channels, server.exchanges.length]).toEqual([0, 0])

    const next = openPage()
    await requested(server, 1)
    expect(channels).toBe(1)
    next.client.close()
    vi.unstubAllGlobals()
  })

  it('each page begins at the position in its own store', async () => {
    const { server, openPage } = makePages()
    const first = openPage({ lastEventIdStore: { load: () => Promise.resolve('e-4'), save: () => {} } })
    await requested(server, 1)
    expect(lastEventIdOf(server)).toBe('e-4')
    first.client.close()
  })

  it('a page fails if its store fails', async () => {
    const { server, openPage } = makePages()
    const page = openPage({
      lastEventIdStore: { load: () => Promise.reject(new Error('locked')), save: () => {} },
    })
    expect(await page.client.closed).toBe('error')
    expect(page.client.status).toMatchObject({ cause: { code: 'callback', cause: { message: 'locked' } } })
    expect(server.exchanges).toHaveLength(0)
  })
})
