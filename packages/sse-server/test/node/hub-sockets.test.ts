import { once } from 'node:events'
import { createParser } from 'eventsource-parser'
import { createLedger } from '@sse-toolkit/testing'
import { patience } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { Hub, HubOptions } from '@sse-toolkit/sse-server'
import { sendResponse, webRequest } from '@sse-toolkit/sse-server/node'
import { connectRaw, serve } from './servers.ts'
import type { RawClient } from './servers.ts'

// The hub over real sockets: replay while publishing goes on at full speed, and readers that stop, trickle and return.

async function serveHub(options: HubOptions) {
  const hub = createHub({ heartbeatIntervalMs: 0, onError: () => undefined, ...options })
  const running = await serve(async (req, res) => {
    await sendResponse(res, await hub.subscribe(webRequest(req), { topics: ['numbers'] }))
  })
  return {
    hub,
    port: running.port,
    [Symbol.asyncDispose]: async () => {
      await hub.close({ timeoutMs: 0 })
      await running[Symbol.asyncDispose]()
    },
  }
}

function get(lastEventId?: string): string {
  const query = lastEventId === undefined ? '' : `?lastEventId=${lastEventId}`
  return `GET /${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`
}

interface Received {
  readonly event: string | undefined
  readonly id: string | undefined
  readonly data: string
}

/** What has arrived whole, with the chunked coding taken off. */
function eventsOf(client: RawClient): readonly Received[] {
  const events: Received[] = []
  const parser = createParser({ onEvent: ({ event, id, data }) => events.push({ event, id, data }) })
  let rest = client.text.slice(client.text.indexOf('\r\n\r\n') + 4)
  for (;;) {
    const end = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.slice(0, end), 16)
    if (end === -1 || !(size > 0) || rest.length < end + 2 + size + 2) return events
    parser.feed(rest.slice(end + 2, end + 2 + size))
    rest = rest.slice(end + 2 + size + 2)
  }
}

async function publish(hub: Hub, from: number, to: number, padding = 0): Promise<void> {
  for (let n = from; n <= to; n += 1) {
    await hub.publish('numbers', { data: `${n}${' '.repeat(padding)}` })
    if (n % 50 === 0) await new Promise(setImmediate)
  }
}

describe('replay and live delivery', () => {
  it('lose and repeat nothing while publishing goes on at full speed, for readers from any position', async () => {
    await using server = await serveHub({ log: memoryLog({ maxEvents: 100_000 }) })
    const { hub, port } = server
    await publish(hub, 1, 2000)
    const [{ position } = { position: '' }] = hub.connections()
    expect(position).toBe('')
    const head = String(hub.inspect().head)
    const epoch = head.split('-')[0] ?? ''
    const publishing = publish(hub, 2001, 12_000)
    const readers: { readonly name: string; readonly first: number; readonly client: RawClient }[] = []
    for (let n = 0; n < 40; n += 1) {
      const after = n * 250
      const from =
        n === 0 ? 'earliest' : `${epoch}-${Math.min(after, Number(String(hub.inspect().head).split('-')[1]))}`
      const first = n === 0 ? 1 : Number(from.split('-')[1]) + 1
      readers.push({ name: `reader ${n}`, first, client: await connectRaw(port, get(from)) })
      await new Promise(setImmediate)
    }
    await publishing
    const ledger = createLedger()
    for (let n = 1; n <= 12_000; n += 1) ledger.published('numbers', n)
    for (const { name, first, client } of readers) {
      await client.until(/data: 12000\n\n/)
      for (const { event, data } of eventsOf(client)) {
        expect(event).toBeUndefined()
        ledger.received(name, 'numbers', Number(data))
      }
      ledger.expectComplete({ topic: 'numbers', first, readers: [name] })
    }
  })
})

describe('a reader that stops under a flooding publisher', () => {
  it('is disconnected, reconnects, and misses nothing', async () => {
    await using server = await serveHub({ maxBufferedBytes: 200_000, log: memoryLog({ maxEvents: 100_000 }) })
    const { hub, port } = server
    const stopped = await connectRaw(port, get())
    await stopped.until(/id: /)
    stopped.socket.pause()
    let peak = 0
    for (let n = 1; hub.stats().closed['slow-consumer'] === 0; n += 50) {
      await publish(hub, n, n + 49, 2000)
      peak = Math.max(peak, hub.stats().bufferedBytes)
    }
    expect(peak).toBeLessThan(200_000 + 150_000)
    stopped.socket.resume()
    await stopped.closed
    const before = eventsOf(stopped)
    const last = Number(before.at(-1)?.data)
    const head = String(hub.inspect().head)
    const returned = await connectRaw(port, get(before.at(-1)?.id))
    const newest = head.split('-')[1] ?? ''
    await returned.until(new RegExp(`data: ${newest} `))
    const after = eventsOf(returned).map(({ data }) => Number(data))
    expect([...before.map(({ data }) => Number(data)), ...after]).toEqual(
      Array.from({ length: Number(newest) }, (_, n) => n + 1),
    )
    expect(after[0]).toBe(last + 1)
  })

  it('under drop-oldest gets a gap for the missed events, and has the newest', async () => {
    await using server = await serveHub({ maxBufferedBytes: 200_000, slowConsumer: 'drop-oldest' })
    const { hub, port } = server
    const stopped = await connectRaw(port, get())
    await stopped.until(/id: /)
    stopped.socket.pause()
    await publish(hub, 1, 9000, 2000)
    expect(hub.stats()).toMatchObject({ connections: 1 })
    expect(hub.stats().bufferedBytes).toBeLessThan(200_000 + 150_000)
    stopped.socket.resume()
    await stopped.until(/data: 9000 /)
    const events = eventsOf(stopped)
    let expected = 1
    for (const { event, id = '', data } of events) {
      const seq = Number(id.split('-')[1])
      if (event === 'stream.gap') expected = seq + 1
      else expect(Number(data)).toBe(expected++)
    }
    expect(expected).toBe(9001)
    expect(events.filter(({ event }) => event === 'stream.gap').length).toBeGreaterThan(0)
  })

  it('that trickles under latest gets the newest state again and again, and stays', async () => {
    await using server = await serveHub({ maxBufferedBytes: 200_000, slowConsumer: 'latest' })
    const { hub, port } = server
    const trickling = await connectRaw(port, get())
    await trickling.until(/id: /)
    for (let n = 1; n < 9000; n += 3000) {
      trickling.socket.pause()
      await publish(hub, n, n + 2999, 2000)
      trickling.socket.resume()
      await once(trickling.socket, 'data')
    }
    await trickling.until(/data: 9000 /)
    const numbers = eventsOf(trickling).map(({ data }) => Number(data))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(numbers.length).toBeLessThan(9000)
    expect(hub.stats()).toMatchObject({ connections: 1, gaps: 0 })
    await vi.waitUntil(() => hub.stats().bufferedBytes === 0, patience)
  })
})
