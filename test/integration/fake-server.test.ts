import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEventSource, EventSource } from '@sse-toolkit/event-source-client'
import type { EventSourceOptions } from '@sse-toolkit/event-source-client'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import { toNodeHandler } from '@sse-toolkit/sse-server/node'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import { createFakeServer } from '@sse-toolkit/testing'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import type { ScriptedExchange } from '@sse-toolkit/testing/node'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

// The fake server of @sse-toolkit/testing against real ones: the same story over both, which clients must see alike.

/** The server's side of a connection, fake or real. */
interface Connection {
  readonly lastEventId: string
  readonly write: (text: string) => unknown
  readonly end: () => unknown
  readonly cut: () => unknown
  readonly refuse: (status: number) => unknown
}

/** A server that writes exactly the bytes of the story. */
interface Server {
  readonly url: string
  readonly next: () => Promise<Connection>
}

/** An EventSource, somewhere. */
interface Source {
  /** The dispatched events, in order, with the readyState. */
  readonly log: () => Promise<readonly string[]>
}

type Listener = (event: { readonly data?: string; readonly lastEventId?: string }) => void

interface SourceLike {
  readonly readyState: number
  addEventListener(type: string, listener: Listener): void
}

/** Runs here and, as its text, in the browser: it may use nothing from outside. */
function record(source: SourceLike): string[] {
  const log: string[] = []
  for (const type of ['open', 'error', 'message', 'paid', 'stream.gap'])
    source.addEventListener(type, ({ data, lastEventId }) =>
      log.push(
        [type, source.readyState, typeof data === 'string' ? data : undefined, lastEventId]
          .filter((part) => part !== undefined)
          .join(' '),
      ),
    )
  return log
}

async function startReal(): Promise<Server> {
  // A browser tries again, and says nothing, if a connection that it uses a second time is closed without a response.
  const close = { connection: 'close' }
  const arrived: ScriptedExchange[] = []
  const waiting: ((exchange: ScriptedExchange) => void)[] = []
  const server = await startScriptedServer((exchange) => {
    const { target } = exchange.request
    if (!target.startsWith('/events')) {
      const headers = { ...close, 'content-type': 'text/html' }
      return void exchange.respond({ status: 200, headers, body: '<!doctype html>' })
    }
    const waiter = waiting.shift()
    if (waiter === undefined) arrived.push(exchange)
    else waiter(exchange)
    return undefined
  })
  onTestFinished(() => server.close())
  return {
    url: server.url,
    async next() {
      const exchange =
        arrived.shift() ?? (await new Promise<ScriptedExchange>((resolve) => waiting.push(resolve)))
      let isOpen = false
      const open = async (): Promise<void> => {
        if (!isOpen) await exchange.writeEventStreamHead({ headers: close })
        isOpen = true
      }
      return {
        lastEventId: exchange.request.headers.get('last-event-id') ?? '',
        async write(text) {
          await open()
          await exchange.writeBody(text)
        },
        async end() {
          await open()
          await exchange.endBody()
          exchange.end()
        },
        // Without the last chunk.
        cut: () => exchange.end(),
        refuse: (status) => exchange.respond({ status, body: 'no' }),
      }
    },
  }
}

function startFake(): Server & { readonly server: ReturnType<typeof createFakeServer> } {
  // The scripted server does not follow our wire contract.
  const server = createFakeServer({ wireContract: 'none' })
  onTestFinished(() => server.close())
  return {
    server,
    url: 'http://localhost',
    async next() {
      const { request, write, end, cut, refuse } = await server.nextConnection()
      return {
        lastEventId: request.lastEventId,
        write,
        end,
        cut,
        refuse: (status) => refuse(status, { body: 'no' }),
      }
    },
  }
}

/** Runs the server's side of the story for one reader. @returns the last event IDs that the client sent. */
async function tellStory({ next }: Server, source: Source): Promise<readonly string[]> {
  const ids: string[] = []
  const connect = async (): Promise<Connection> => {
    const connection = await next()
    ids.push(connection.lastEventId)
    return connection
  }
  const first = await connect()
  await first.write('\uFEFF: hello\nretry: 30\n\n')
  await first.write('id: ä1\nevent: paid\ndata: {"total":12}\n\ndata: two\ndata: lines\n\n')
  await first.write('data: in pie')
  await first.write('ces\r\n\r\nid: no\0\ndata: NUL\n\nid: 2\n\n')
  await first.write('event: paid\n\nevent: stream.gap\ndata:\n\ndata: cut off\nid: 3\n')
  await first.end()
  const second = await connect()
  await second.write('data: back\n\nid\ndata: reset\n\nretry: soon\n\n')
  // A browser may drop what it has not dispatched yet when the connection fails.
  await expect.poll(source.log).toContain('message 1 reset ')
  await second.cut()
  const third = await connect()
  await third.cut()
  const fourth = await connect()
  await fourth.write('id: 4\ndata: last\n\n')
  await fourth.end()
  const fifth = await connect()
  await fifth.refuse(503)
  return ids
}

const expectedIds = ['', '2', '', '', '4']
const expectedLog = [
  'open 1',
  'paid 1 {"total":12} ä1',
  'message 1 two\nlines ä1',
  'message 1 in pieces ä1',
  'message 1 NUL ä1',
  'stream.gap 1  2',
  'error 0',
  'open 1',
  'message 1 back 2',
  'message 1 reset ',
  'error 0',
  'error 0',
  'open 1',
  'message 1 last 4',
  'error 0',
  'error 2',
]

async function expectStory(server: Server, source: Source): Promise<void> {
  expect(await tellStory(server, source)).toEqual(expectedIds)
  await expect.poll(source.log).toEqual(expectedLog)
}

const fastReconnection = { reconnection: { baseDelayMs: 0, minDelayMs: 0 } }
const chromium = findChromium()

describe('an EventSource sees the same story', () => {
  it("from the fake server's stand-in", async () => {
    const fake = startFake()
    const log = record(new fake.server.EventSource('/events'))
    await expectStory(fake, { log: async () => log })
  })

  it('from our client over the fake server', async () => {
    const fake = startFake()
    const source = new EventSource(`${fake.url}/events`, { ...fastReconnection, fetch: fake.server.fetch })
    const log = record(source)
    await expectStory(fake, { log: async () => log })
  })

  it('from our client over sockets', async () => {
    const real = await startReal()
    const log = record(new EventSource(`${real.url}/events`, fastReconnection))
    await expectStory(real, { log: async () => log })
  })

  describe.skipIf(chromium.skip)('in a browser', () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await launchChromium(chromium)
    })
    afterAll(() => browser.close())

    it("from Chromium's EventSource", async () => {
      const real = await startReal()
      const page = await browser.newPage()
      await page.goto(real.url)
      const log = await page.evaluateHandle(`(${record.toString()})(new EventSource('/events'))`)
      await expectStory(real, { log: async () => (await log.jsonValue()) as string[] })
    })
  })
})

/** Records our client's events and statuses until the stream is closed. */
async function follow(url: string, options: EventSourceOptions): Promise<readonly unknown[]> {
  const log: unknown[] = []
  const client = createEventSource(url, { ...options, ...fastReconnection })
  client.onStatus((status) => log.push(status.state === 'closed' ? ['closed', status.reason] : status.state))
  client.onAny((event) => log.push(event))
  client.onGap((gap) => log.push(['gap', gap]))
  await client.closed
  return log
}

describe('createEventSource sees the same stream', () => {
  it('from our hub and from the fake server: a gap, what follows it, and the end', async () => {
    const hub = createHub({ log: memoryLog({ maxEvents: 2 }), heartbeatIntervalMs: 0 })
    const ids: string[] = []
    for (const data of ['a', 'b', 'c', 'd']) ids.push((await hub.publish('job', { data })).id)
    const [requested = '', evicted = '', earliest = '', latest = ''] = ids
    const server = createServer(toNodeHandler((request) => hub.subscribe(request, { topics: ['job'] })))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(async () => {
      await hub.close()
      server.close()
    })
    const fromHub = follow(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
      lastEventId: requested,
    })
    await expect.poll(() => hub.stats().connections).toBe(1)
    await hub.end('job')

    using fake = createFakeServer()
    const fromFake = follow('http://localhost/', { lastEventId: requested, fetch: fake.fetch })
    const connection = await fake.nextConnection()
    expect(connection.request.lastEventId).toBe(requested)
    connection.gap({ requested, earliest, latest, id: evicted })
    connection.send({ id: earliest, data: 'c' })
    connection.send({ id: latest, data: 'd' })
    const seen = await fromHub
    expect(seen).toContainEqual(['closed', 'completed'])
    // The end of a topic is an event of the log, with the next id.
    connection.finish({ topic: 'job', id: latest.replace(/4$/, '5') })
    expect(await fromFake).toEqual(seen)
  })
})
