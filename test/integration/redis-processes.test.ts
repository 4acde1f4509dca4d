import { fileURLToPath } from 'node:url'
import { createEventSource } from '@sse-toolkit/event-source-client'
import type { RedisLogOptions } from '@sse-toolkit/sse-redis'
import { createLedger } from '@sse-toolkit/testing'
import { findRedisServer, patience, startProcess, startRedis } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'

// Hubs in processes of their own, on one Redis.

const server = findRedisServer()

interface HubProcess {
  readonly process: StartedProcess
  readonly url: string
}

async function startHub(redisUrl: string, options: RedisLogOptions = {}): Promise<HubProcess> {
  const program = fileURLToPath(new URL('programs/redis-hub-server.ts', import.meta.url))
  const shortened = { syncIntervalMs: 100, leaseMs: 1000, commandTimeoutMs: 1000, ...options }
  const process = await startProcess({
    args: [program, redisUrl, JSON.stringify(shortened)],
    ready: /listening on \d+/,
  })
  const [, port = ''] = /listening on (\d+)/.exec(process.stdout) ?? []
  return { process, url: `http://127.0.0.1:${port}` }
}

async function startHubs(redisUrl: string, count: number): Promise<readonly HubProcess[]> {
  return Promise.all(Array.from({ length: count }, () => startHub(redisUrl)))
}

async function publish(hub: HubProcess, topic: string, type: string, data: number): Promise<string> {
  try {
    const response = await fetch(`${hub.url}/publish/${topic}/${type}`, {
      method: 'POST',
      body: String(data),
    })
    return response.ok ? 'stored' : ((await response.json()) as { code: string }).code
  } catch {
    // Whether the hub had stored it before it was killed is not known.
    return 'outcome-unknown'
  }
}

describe.skipIf(server.skip)('hubs in several processes', () => {
  it('every reader gets the events of every process, in one order', async () => {
    await using redis = await startRedis()
    const hubs = await startHubs(redis.url, 3)
    const seen: string[][] = []
    const sources = hubs.map(({ url }, index) => {
      const source = createEventSource(`${url}/events/numbers?lastEventId=earliest`)
      seen[index] = []
      source.on('number', ({ data }) => seen[index]?.push(data))
      return source
    })
    await Promise.all(
      hubs.map(async (hub, index) => {
        for (let n = 0; n < 100; n += 1)
          expect(await publish(hub, 'numbers', 'number', index * 1000 + n)).toBe('stored')
      }),
    )
    await vi.waitUntil(() => seen.every((each) => each.length === 300), patience)
    expect(new Set(seen.map((each) => each.join()))).toHaveProperty('size', 1)
    for (const source of sources) source.close()
    await Promise.all(hubs.map(({ process }) => process.stop()))
  })

  it('when a process is killed, its readers resume at another, and every event arrives once', async () => {
    await using redis = await startRedis()
    const hubs = [...(await startHubs(redis.url, 2))]
    const ledger = createLedger()
    const gaps: string[] = []
    let attempts = 0
    const sources = Array.from({ length: 10 }, (_, index) => {
      // As behind a load balancer: each attempt at another one.
      const source = createEventSource(() => `${hubs[(attempts += 1) % 2]?.url}/events/numbers`, {
        reconnection: { baseDelayMs: 20, minDelayMs: 10, maxDelayMs: 200 },
      })
      source.onGap(({ reason }) => gaps.push(reason))
      source.on('number', ({ data }) => ledger.received(`reader ${index}`, 'numbers', Number(data)))
      return source
    })
    await vi.waitUntil(() => sources.every((each) => each.lastEventId !== ''), patience)
    let n = 0
    const outcomes: Record<string, number> = {}
    const publishSome = async (count: number): Promise<void> => {
      const last = n + count
      while (n < last) {
        n += 1
        const outcome = await publish(hubs[n % 2] as HubProcess, 'numbers', 'number', n)
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
        // What was stored all the same is found out by who received it.
        if (outcome === 'stored') ledger.published('numbers', n)
      }
    }
    await publishSome(50)
    const [first] = hubs
    const killed = first?.process.kill('SIGKILL')
    await publishSome(50)
    await killed
    hubs[0] = await startHub(redis.url)
    await publishSome(51)
    // The last one is the end of it.
    expect(await publish(hubs[1] as HubProcess, 'numbers', 'number', (n += 1))).toBe('stored')
    ledger.published('numbers', n)
    const names = sources.map((_, index) => `reader ${index}`)
    await vi.waitUntil(
      () => names.every((name) => ledger.report(name, { topic: 'numbers' }).missing.length === 0),
      patience,
    )
    const reports = names.map((name) => ledger.report(name, { topic: 'numbers' }))
    expect(reports.flatMap(({ repeated, outOfOrder }) => [...repeated, ...outOfOrder])).toEqual([])
    // Unexpected is only what was stored before the process died, and then everybody has it.
    expect(new Set(reports.map(({ unexpected }) => JSON.stringify(unexpected))).size).toBe(1)
    expect(gaps).toEqual([])
    expect(outcomes.stored).toBeGreaterThan(100)
    for (const source of sources) source.close()
    await Promise.all(hubs.map(({ process }) => process.stop()))
  })

  it('when the process that runs a finite topic dies, another ends it as failed, and none runs it again', async () => {
    await using redis = await startRedis()
    const [first, second] = await startHubs(redis.url, 2)
    if (first === undefined || second === undefined) throw new Error('two hubs were to be started')
    expect((await fetch(`${first.url}/run/answer`, { method: 'POST' })).status).toBe(200)
    expect(await (await fetch(`${second.url}/run/answer`, { method: 'POST' })).json()).toEqual({
      state: 'running',
    })
    const source = createEventSource(`${second.url}/events/answer`)
    const events: { type: string; data: string }[] = []
    source.onAny(({ type, data }) => events.push({ type, data }))
    await vi.waitUntil(() => events.length > 5, patience)
    await first.process.kill('SIGKILL')
    const killedAt = performance.now()
    await expect(source.closed).resolves.toBe('failed')
    const tookMs = performance.now() - killedAt
    if (process.env.SSE_TOOLKIT_REPORT !== undefined) {
      console.log(
        `FAULT producer's process killed: readers told after ${Math.round(tookMs)} ms (lease 1000 ms)`,
      )
    }
    expect(events.slice(-2)).toEqual([
      { type: 'stream.error', data: '{"topic":"answer","message":"The producer failed"}' },
      { type: 'stream.end', data: '{"topic":"answer","reason":"failed"}' },
    ])
    const numbers = events.slice(0, -2).map(({ data }) => Number(data))
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(tookMs).toBeLessThan(3000)
    expect(await (await fetch(`${second.url}/run/answer`, { method: 'POST' })).json()).toEqual({
      state: 'ended',
    })
    await second.process.stop()
  })

  it('one process can cancel a finite topic that another runs', async () => {
    await using redis = await startRedis()
    const [first, second] = await startHubs(redis.url, 2)
    if (first === undefined || second === undefined) throw new Error('two hubs were to be started')
    await fetch(`${first.url}/run/answer`, { method: 'POST' })
    const source = createEventSource(`${second.url}/events/answer`)
    const events: string[] = []
    source.onAny(({ type, data }) => events.push(`${type} ${data}`))
    await vi.waitUntil(() => events.length > 2, patience)
    const reply = await fetch(`${second.url}/cancel/answer`, { method: 'POST' })
    expect(await reply.json()).toEqual({ wasRunning: true })
    await source.closed
    expect(events.at(-1)).toBe('stream.end {"topic":"answer","reason":"cancelled"}')
    await Promise.all([first, second].map(({ process }) => process.stop()))
  })

  it('a process that publishes stays alive while Redis is away, and ends once it has closed its log', async () => {
    await using redis = await startRedis()
    await redis.kill()
    const program = fileURLToPath(new URL('programs/redis-publish-once.ts', import.meta.url))
    const publisher = await startProcess({ args: [program, redis.url], ready: /publishing/ })
    await vi.waitUntil(() => publisher.stderr.includes('ECONNREFUSED'), patience)
    await redis.start()
    expect(await publisher.exited).toMatchObject({ code: 0 })
    expect(publisher.stdout).toContain('stored')
  })
})
