import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSeededRandom, findChromium, launchChromium } from '@sse-toolkit/test-support'
import { formatEvent } from '@sse-toolkit/sse-server'
import type { ServerSentEvent } from '@sse-toolkit/sse-server'
import { EventSource } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// What formatEvent writes is read by event sources that others wrote: undici's, and the browser's own.

interface Dispatched {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
}

const eventCount = 40
const types = ['message', 'a', 'b c', 'é😀']
const alphabet = [
  'a',
  ' ',
  ':',
  '\r',
  '\n',
  '\r\n',
  '\0',
  '\ufeff',
  '\u2028',
  'é',
  '😀',
  'data: x',
  'id: 7',
  '\n\n',
  '\ud800',
]

/** Events that are hard to carry, the same for one seed. */
function eventsOf(seed: number): readonly ServerSentEvent[] {
  const random = createSeededRandom(seed)
  const text = (): string =>
    Array.from({ length: random.integer(0, 8) }, () => random.pick(alphabet)).join('')
  return Array.from({ length: eventCount }, () => ({
    data: text(),
    ...(random() < 0.5 && { event: random.pick(types) }),
    ...(random() < 0.5 && { id: text().replaceAll(/[\r\n\0]/g, '') }),
    ...(random() < 0.3 && { comment: text() }),
    ...(random() < 0.1 && { retry: random.integer(0, 10_000) }),
  }))
}

/** What an event source dispatches for them: lines joined by LF, and the last id for events without one. */
function dispatchedOf(events: readonly ServerSentEvent[]): readonly Dispatched[] {
  let lastEventId = ''
  return events.map(({ event = 'message', data, id }) => {
    lastEventId = id ?? lastEventId
    return {
      type: event,
      data: String(data)
        .replaceAll(/\r\n|\r|\n/g, '\n')
        .toWellFormed(),
      lastEventId: lastEventId.toWellFormed(),
    }
  })
}

type Cut = 'whole' | 'bytes' | `at ${number}`

function piecesOf(bytes: Uint8Array, cut: Cut): readonly Uint8Array[] {
  if (cut === 'whole') return [bytes]
  if (cut === 'bytes') return Array.from(bytes, (byte) => Uint8Array.of(byte))
  const at = Number(cut.slice(3))
  return [bytes.subarray(0, at), bytes.subarray(at)]
}

let server: Server
let url = ''

beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname !== '/stream') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>round trip</title>')
      return
    }
    const events = eventsOf(Number(searchParams.get('seed'))).slice(0, Number(searchParams.get('count')))
    const bytes = new TextEncoder().encode([...events, { event: 'end', data: '' }].map(formatEvent).join(''))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    void send(piecesOf(bytes, searchParams.get('cut') as Cut))

    async function send(pieces: readonly Uint8Array[]): Promise<void> {
      for (const piece of pieces) {
        response.write(piece)
        await new Promise(setImmediate)
      }
      response.end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

type Read = (streamUrl: string, listenTo: readonly string[]) => Promise<readonly Dispatched[]>

function registerRoundTrips(read: () => Read): void {
  const expectRoundTrip = async (seed: number, cut: Cut, count = eventCount): Promise<void> => {
    const query = new URLSearchParams({ seed: String(seed), cut, count: String(count) })
    const received = await read()(`${url}/stream?${query.toString()}`, types)
    expect(received).toEqual(dispatchedOf(eventsOf(seed).slice(0, count)))
  }

  it('whole, 25 streams of 40 events', async () => {
    for (let seed = 0; seed < 25; seed += 1) await expectRoundTrip(seed, 'whole')
  })

  it('byte by byte, 5 streams of 40 events', async () => {
    for (let seed = 100; seed < 105; seed += 1) await expectRoundTrip(seed, 'bytes')
  })

  it('split in two at every point, a stream of 3 events', async () => {
    const bytes = new TextEncoder().encode(eventsOf(7).slice(0, 3).map(formatEvent).join(''))
    expect(bytes.length).toBeGreaterThan(40)
    for (let at = 0; at <= bytes.length; at += 1) await expectRoundTrip(7, `at ${at}`, 3)
  })
}

/** Runs in Node and, as its own source text, in the browser. */
function readWith(
  Source: typeof globalThis.EventSource,
  streamUrl: string,
  listenTo: readonly string[],
): Promise<readonly Dispatched[]> {
  return new Promise((resolve, reject) => {
    const received: Dispatched[] = []
    const source = new Source(streamUrl)
    for (const type of listenTo) {
      source.addEventListener(type, (event) => {
        const { data, lastEventId } = event as MessageEvent
        received.push({ type: event.type, data: String(data), lastEventId })
      })
    }
    source.addEventListener('end', () => {
      source.close()
      resolve(received)
    })
    source.addEventListener('error', () => reject(new Error('the connection failed')))
  })
}

describe("undici's EventSource reads what formatEvent writes", () => {
  registerRoundTrips(
    () => (streamUrl, listenTo) =>
      readWith(EventSource as unknown as typeof globalThis.EventSource, streamUrl, listenTo),
  )
})

const chromium = findChromium()

describe.skipIf(chromium.skip)("Chromium's EventSource reads what formatEvent writes", () => {
  let browser: Awaited<ReturnType<typeof launchChromium>>
  let read: Read

  beforeAll(async () => {
    browser = await launchChromium(chromium)
    const page = await browser.newPage()
    await page.goto(url)
    read = (streamUrl, listenTo) =>
      page.evaluate(
        `(${readWith.toString()})(EventSource, ${JSON.stringify(streamUrl)}, ${JSON.stringify(listenTo)})`,
      )
  })
  afterAll(() => browser.close())

  registerRoundTrips(() => read)
})
