import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createEventSource, EventSource } from '@sse-toolkit/event-source-client'
import type { Gap, StreamStatus } from '@sse-toolkit/event-source-client'
import { createRouter } from '@sse-toolkit/http-core'
import { createServer as createHttpServer } from '@sse-toolkit/http-core/node'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { HubOptions } from '@sse-toolkit/sse-server'
import { createLedger } from '@sse-toolkit/testing'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { createSeededRandom, patience, startProcess } from '@sse-toolkit/test-support'
import type { FaultProxy } from '@sse-toolkit/testing/node'
import * as v from 'valibot'
import { describe, expect, it, vi } from 'vitest'

// Our client reads our server: what docs/reference/wire-contract.md says, and the promise, through a proxy that breaks things.

const reconnection = { baseDelayMs: 20, minDelayMs: 5, maxDelayMs: 100 }

async function startHub(options: HubOptions = {}) {
  const hub = createHub({ heartbeatIntervalMs: 100, ...options })
  const router = createRouter()
  router.get('/events/:topic', (request, { params }) => hub.subscribe(request, { topics: [params.topic] }))
  const server = createHttpServer({ fetch: router.fetch, port: 0 })
  await server.listen()
  const proxy = await startFaultProxy({ target: { port: server.port ?? 0 } })
  return {
    hub,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await proxy.close()
      await hub.close()
      await server.close({ timeoutMs: 0 })
    },
  }
}

/** Publishes `count` numbers, while the proxy does its worst, and lets a client read them all. */
async function expectNothingLost(
  options: {
    readonly count: number
    readonly hub?: HubOptions
    readonly query?: string
  },
  disturb: (proxy: FaultProxy, isDone: () => boolean) => Promise<void>,
): Promise<{ readonly statuses: readonly StreamStatus[] }> {
  await using started = await startHub(options.hub)
  const { hub, proxy } = started
  const ledger = createLedger()
  const statuses: StreamStatus[] = []
  const gaps: Gap[] = []
  await using source = createEventSource(`${proxy.url}/events/numbers${options.query ?? ''}`, {
    reconnection,
  })
  source.onStatus((status) => statuses.push(status))
  source.onGap((gap) => gaps.push(gap))
  let last = 0
  source.on('message', ({ data }) => {
    last = Number(data)
    ledger.received('client', 'numbers', last)
  })
  await vi.waitUntil(() => source.status.state === 'open', patience)
  const disturbed = disturb(proxy, () => last === options.count)
  for (let n = 1; n <= options.count; n += 1) {
    ledger.published('numbers', n)
    await hub.publish('numbers', { data: n })
    if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await disturbed
  proxy.faults.clear()
  await vi.waitUntil(() => last === options.count, { timeout: 20_000 })
  ledger.expectComplete({ topic: 'numbers', readers: ['client'] })
  expect(gaps).toEqual([])
  return { statuses }
}

describe('nothing is lost, and nothing comes twice', () => {
  it('when the connection is cut again and again, in every way', async () => {
    const random = createSeededRandom(1)
    let cuts = 0
    const { statuses } = await expectNothingLost({ count: 2000 }, async (proxy) => {
      for (; cuts < 25; cuts += 1) {
        await new Promise((resolve) => setTimeout(resolve, random.integer(10, 120)))
        proxy.cutAll(random.pick(['fin', 'destroy', 'rst'] as const))
      }
    })
    expect(statuses.filter(({ state }) => state === 'reconnecting').length).toBeGreaterThan(10)
  })

  it('when it is cut in the middle of blocks, after random numbers of bytes', async () => {
    const random = createSeededRandom(2)
    await expectNothingLost({ count: 1000 }, async (proxy, isDone) => {
      for (let cuts = 0; cuts < 30 && !isDone(); cuts += 1) {
        const before = proxy.accepted
        proxy.faults.set({ toClient: { cutAfter: { bytes: random.integer(1, 2000), ending: 'destroy' } } })
        await vi.waitUntil(() => proxy.accepted > before || isDone(), { timeout: 10_000 })
      }
    })
  })

  it('when bytes arrive one by one', async () => {
    await expectNothingLost({ count: 200 }, async (proxy) => {
      proxy.faults.set({ writes: 'single-bytes' }, 'all')
    })
  })

  it('when the network dies silently: three missed heartbeats are noticed', async () => {
    const { statuses } = await expectNothingLost({ count: 500 }, async (proxy) => {
      proxy.faults.set({ flow: 'black-hole' }, 'open')
      await vi.waitUntil(() => proxy.accepted >= 2, { timeout: 10_000 })
    })
    expect(statuses).toContainEqual(expect.objectContaining({ state: 'reconnecting' }))
  })

  it('when the server is unreachable for a while', async () => {
    await expectNothingLost({ count: 500 }, async (proxy) => {
      await proxy.refuse()
      proxy.cutAll('rst')
      await new Promise((resolve) => setTimeout(resolve, 500))
      await proxy.accept()
    })
  })

  it('from the beginning, when the client comes late and asks for the earliest', async () => {
    await using started = await startHub()
    for (let n = 1; n <= 50; n += 1) await started.hub.publish('numbers', { data: n })
    await using source = createEventSource(`${started.proxy.url}/events/numbers?lastEventId=earliest`)
    const received: number[] = []
    for await (const { data } of source) {
      received.push(Number(data))
      if (received.length === 50) break
    }
    expect(received).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
  })
})

describe('lost events are announced', () => {
  it('when the log has evicted it', async () => {
    await using started = await startHub({ log: memoryLog({ maxEvents: 10 }) })
    const { hub, proxy } = started
    await using source = createEventSource(`${proxy.url}/events/numbers`, { reconnection })
    const seen: string[] = []
    source.onGap(({ reason }) => seen.push(reason))
    source.on('message', ({ data }) => seen.push(data))
    await vi.waitUntil(() => source.status.state === 'open', patience)
    await hub.publish('numbers', { data: 1 })
    await vi.waitUntil(() => seen.length === 1, patience)
    await proxy.refuse()
    proxy.cutAll()
    for (let n = 2; n <= 30; n += 1) await hub.publish('numbers', { data: n })
    await proxy.accept()
    await vi.waitUntil(() => seen.at(-1) === '30', { timeout: 10_000 })
    expect(seen).toEqual(['1', 'evicted', ...Array.from({ length: 10 }, (_, n) => String(n + 21))])
  })

  it('when the server was killed, and its memory with it', async () => {
    const port = await freePort()
    const args = [fileURLToPath(new URL('programs/hub-server.ts', import.meta.url)), String(port)]
    const ready = /listening/
    const first = await startProcess({ args, ready })
    await using source = createEventSource(`http://127.0.0.1:${port}/numbers`, { reconnection })
    const seen: (number | string)[] = []
    source.onGap(({ reason }) => seen.push(reason))
    source.on('message', ({ data }) => seen.push(Number(data)))
    await vi.waitUntil(() => seen.length > 5, patience)
    await first.kill('SIGKILL')
    await using _second = await startProcess({ args, ready })
    await vi.waitUntil(() => seen.includes('epoch') && typeof seen.at(-1) === 'number', { timeout: 10_000 })
    const numbers = seen.slice(seen.indexOf('epoch') + 1) as number[]
    // All that the new log holds, from its first event on.
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  })
})

describe('the wire contract', () => {
  it('a new client that is cut before its first event resumes from where it came in', async () => {
    await using started = await startHub({ heartbeatIntervalMs: 0 })
    const { hub, proxy } = started
    await hub.publish('numbers', { data: 'before' })
    await using source = createEventSource(`${proxy.url}/events/numbers`, { reconnection })
    const seen: string[] = []
    source.on('message', ({ data }) => seen.push(data))
    await vi.waitUntil(() => source.lastEventId !== '', patience)
    await proxy.refuse()
    proxy.cutAll()
    await hub.publish('numbers', { data: 'while away' })
    await proxy.accept()
    await vi.waitUntil(() => seen.length === 1, { timeout: 10_000 })
    expect(seen).toEqual(['while away'])
  })

  it("a client follows the server's reconnection time", async () => {
    await using started = await startHub({ reconnectionTimeMs: 10 })
    await using source = createEventSource(`${started.proxy.url}/events/numbers`)
    const delays: number[] = []
    source.onStatus((status) => {
      if (status.state === 'reconnecting') delays.push(status.delayMs)
    })
    source.onAny(() => undefined)
    await vi.waitUntil(() => source.lastEventId !== '', patience)
    started.proxy.cutAll()
    await vi.waitUntil(() => delays.length > 0 && source.status.state === 'open', patience)
    // The default would be a second; the floor of the client is its own.
    expect(delays[0]).toBeLessThan(1000)
  })

  it('a refusal with Retry-After is obeyed', async () => {
    await using started = await startHub({ maxConnections: 1 })
    const url = `${started.proxy.url}/events/numbers`
    const first = createEventSource(url)
    await vi.waitUntil(() => first.status.state === 'open', patience)
    await using second = createEventSource(url, { reconnection })
    const delays: number[] = []
    second.onStatus((status) => {
      if (status.state === 'reconnecting') delays.push(status.delayMs)
    })
    second.onAny(() => undefined)
    await vi.waitUntil(() => delays.length > 0, patience)
    expect(delays[0]).toBeGreaterThanOrEqual(1000)
    first.close()
    await vi.waitUntil(() => second.status.state === 'open', { timeout: 10_000 })
  })

  it("the standard's EventSource reads a hub too", async () => {
    await using started = await startHub()
    const source = new EventSource(`${started.proxy.url}/events/numbers?lastEventId=earliest`)
    const { id } = await started.hub.publish('numbers', { event: 'paid', data: { total: 12 } })
    const event = await new Promise<MessageEvent>((resolve) => {
      source.addEventListener('paid', (each) => resolve(each), { once: true })
    })
    expect([event.data, event.lastEventId]).toEqual(['{"total":12}', id])
    source.close()
  })
})

describe('typed events', () => {
  it('one definition serves both sides', async () => {
    const orderEvents = {
      paid: v.object({ total: v.number() }),
      shipped: v.object({ at: v.pipe(v.string(), v.isoTimestamp()) }),
    }
    await using started = await startHub()
    await using source = createEventSource(`${started.proxy.url}/events/orders?lastEventId=earliest`, {
      events: orderEvents,
    })
    await started.hub.publish('orders', { event: 'paid', data: { total: 12 } })
    const totals: number[] = []
    source.on('paid', ({ data }) => totals.push(data.total))
    await vi.waitUntil(() => totals.length === 1, patience)
    expect(totals).toEqual([12])
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
