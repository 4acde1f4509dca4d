import { createParser } from 'eventsource-parser'
import { describe, expect, it } from 'vitest'
import type { Runtime } from '@sse-toolkit/sse-server'
import { createTestHub, publishAll, subscribe } from './hub-readers.ts'
import { RecordingSink } from './recording-sink.ts'
import { createVirtualRuntime, turn } from './virtual-runtime.ts'

function retriesOf(sink: RecordingSink): readonly number[] {
  const retries: number[] = []
  createParser({ onRetry: (retry) => retries.push(retry) }).feed(sink.text)
  return retries
}

describe('close({ drainMs })', () => {
  it('ends 2000 connections evenly over the time, each with a reconnection time of its own', async () => {
    const { hub, runtime } = createTestHub({ reconnectionTimeMs: 1000 })
    const readers = await Promise.all(Array.from({ length: 2000 }, () => subscribe(hub)))
    const closing = hub.close({ drainMs: 10_000 })
    const perSecond: number[] = []
    for (let second = 0; second < 10; second += 1) {
      const before = hub.stats().closed.drain
      await runtime.clock.advance(1000)
      await turn()
      perSecond.push(hub.stats().closed.drain - before)
    }
    await closing
    expect(perSecond).toEqual(Array.from({ length: 10 }, () => 200))
    const retries = readers.map(({ sink }) => retriesOf(sink).at(-1) ?? 0)
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(500)
    expect(Math.max(...retries)).toBeLessThanOrEqual(1500)
    // Spread, not bunched: each quarter of the range has its share.
    for (const from of [500, 750, 1000, 1250]) {
      expect(retries.filter((retry) => retry >= from && retry < from + 250).length).toBeGreaterThan(400)
    }
  })

  it('does not wait without connections, nor after the last one has left', async () => {
    const { hub: empty } = createTestHub()
    await empty.close({ drainMs: 10_000 })
    const { hub, runtime } = createTestHub()
    const { sink } = await subscribe(hub)
    const other = await subscribe(hub)
    const closing = hub.close({ drainMs: 10_000 })
    await runtime.clock.advance(1000)
    for (const each of [sink, other.sink]) each.leave()
    await runtime.clock.advance(50)
    await closing
    expect(hub.inspect().status).toBe('closed')
  })

  it('goes on delivering to open connections, and refuses new ones with 503', async () => {
    const { hub, runtime } = createTestHub()
    const readers = [await subscribe(hub), await subscribe(hub)]
    const closing = hub.close({ drainMs: 1000 })
    await runtime.clock.advance(600)
    await publishAll(hub, 'a', 'late')
    await turn()
    expect(readers.map(({ data }) => data)).toEqual([[], ['late']])
    const refused = await hub.subscribe(new Request('http://localhost/'), { topics: ['a'] })
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true])
    await runtime.clock.advance(1000)
    await closing
    await expect(hub.publish('a', { data: '' })).rejects.toThrow(
      expect.objectContaining({ code: 'hub-closed' }),
    )
  })

  it('destroys after timeoutMs a connection whose reader does not take the end', async () => {
    const { hub, runtime } = createTestHub()
    const sink = new RecordingSink()
    await subscribe(hub, {}, sink)
    await turn()
    sink.reading = false
    await publishAll(hub, 'a', 'x')
    await turn()
    const closing = hub.close({ timeoutMs: 3000 })
    await runtime.clock.advance(2999)
    expect(sink.ended).toBeUndefined()
    await runtime.clock.advance(1)
    await closing
    expect(sink.ended).toBe('abort')
    expect(hub.stats()).toMatchObject({ connections: 0, closed: { drain: 1 } })
  })

  it.each([{ drainMs: -1 }, { timeoutMs: Number.NaN }])('refuses %j', (options) => {
    const { hub } = createTestHub()
    expect(() => hub.close(options)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

describe('maxConnectionAgeMs', () => {
  it('is capped at the longest timer, and never over at once', async () => {
    const virtual = createVirtualRuntime()
    const delays: number[] = []
    const runtime: Runtime = {
      ...virtual,
      setTimeout(callback, delayMs) {
        delays.push(delayMs)
        return virtual.setTimeout(callback, delayMs)
      },
    }
    const { hub } = createTestHub({ runtime, maxConnectionAgeMs: 2 ** 31 - 1 })
    for (let n = 0; n < 20; n += 1) await subscribe(hub)
    expect(Math.max(...delays)).toBe(2 ** 31 - 1)
  })

  it('closes each connection between 90 % and 110 % of it, with a reconnection time', async () => {
    const { hub, runtime } = createTestHub({ maxConnectionAgeMs: 10_000, presenceIntervalMs: 0 })
    const readers = await Promise.all(Array.from({ length: 100 }, () => subscribe(hub)))
    await runtime.clock.advance(8999)
    await turn()
    expect(hub.stats().connections).toBe(100)
    await runtime.clock.advance(1001)
    await turn()
    const halfway = hub.stats().connections
    expect(halfway).toBeGreaterThan(25)
    expect(halfway).toBeLessThan(75)
    await runtime.clock.advance(1000)
    await turn()
    expect(hub.stats()).toMatchObject({ connections: 0, closed: { expired: 100 } })
    expect(readers.every(({ sink }) => retriesOf(sink).length === 1)).toBe(true)
    expect(runtime.clock.pendingTimers).toBe(0)
  })
})
