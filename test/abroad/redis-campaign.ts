import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { once } from 'node:events'
import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisLog, RedisLogOptions } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import type { FaultProxy } from '@sse-toolkit/testing/node'
import { expectNothingSilent, openReader } from './campaign-readers.ts'
import type { Reader } from './campaign-readers.ts'

/** What a fault did, as a row of docs/how/faults.md. */
export interface Findings {
  /** How the publishes ended: `stored`, or the code of the error. */
  readonly publishers: Readonly<Record<string, number>>
  /** The longest that a publish took, in ms. */
  readonly slowestPublishMs: number
  /** Gaps that each reader received: `epoch`, `evicted`... */
  readonly gaps: readonly (readonly string[])[]
  /** From the end of the fault until a new event has reached every reader, in ms. */
  readonly recoveryMs: number
}

/** One hub as one process has it: its own connections to Redis, its own readers. */
interface Node extends AsyncDisposable {
  readonly hub: Hub
  readonly log: RedisLog
  readonly errors: readonly unknown[]
}

function openNode(options: RedisLogOptions): Node {
  const errors: unknown[] = []
  const onError = (error: unknown): void => void errors.push(error)
  const log = redisLog({ syncIntervalMs: 100, commandTimeoutMs: 3000, leaseMs: 1000, onError, ...options })
  const hub = createHub({ log, heartbeatIntervalMs: 0, onError })
  return {
    hub,
    log,
    errors,
    [Symbol.asyncDispose]: async () => {
      await hub.close({ timeoutMs: 100 })
      await log.close()
    },
  }
}

/** Publishes numbers, one after the other, and notes how each ended. */
interface Publisher {
  readonly outcomes: ReadonlyMap<number, string>
  readonly slowestMs: number
  stop(): Promise<void>
}

function startPublisher(hub: Hub, topic: string, name: string, everyMs: number): Publisher {
  const outcomes = new Map<number, string>()
  const pending = new Set<Promise<void>>()
  let slowestMs = 0
  let n = 0
  const publish = async (number: number): Promise<void> => {
    const startedAt = performance.now()
    try {
      await hub.publish(topic, { event: name, data: number })
      outcomes.set(number, 'stored')
    } catch (error) {
      outcomes.set(number, (error as { code?: string }).code ?? String(error))
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt)
  }
  const timer = setInterval(() => {
    const publication = publish((n += 1))
    pending.add(publication)
    void publication.then(() => pending.delete(publication))
  }, everyMs)
  return {
    outcomes,
    get slowestMs() {
      return slowestMs
    },
    stop: async () => {
      clearInterval(timer)
      await Promise.all(pending)
    },
  }
}

function countOutcomes(publishers: readonly Publisher[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcomes } of publishers) {
    for (const outcome of outcomes.values()) counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}

interface CampaignOptions {
  /** Where Redis is reached: the proxy leads there. */
  readonly port: number
  readonly log?: Partial<RedisLogOptions>
  readonly everyMs?: number
  /** Does the harm, and takes it back. Recovery is counted from its end. */
  readonly fault: (context: { readonly proxy: FaultProxy; readonly nodes: readonly Node[] }) => Promise<void>
}

/**
 * Runs two hubs on one log through a fault proxy, with a publisher and two readers at each, and injects the fault. Then
 * waits until delivery works again, and reports what publishers and readers saw.
 */
export async function runCampaign(options: CampaignOptions): Promise<Findings> {
  const { port, fault, everyMs = 5 } = options
  await using proxy = await startFaultProxy({ target: { port } })
  const namespace = 'campaign'
  const nodes = [1, 2].map(() =>
    openNode({ url: `redis://127.0.0.1:${proxy.port}`, namespace, ...options.log }),
  )
  const readers: Reader[] = []
  try {
    await Promise.all(nodes.map(({ log }) => log.ready()))
    for (const { hub } of nodes)
      readers.push(
        ...[1, 2].map(() => openReader((request) => hub.subscribe(request, { topics: ['numbers'] }))),
      )
    await Promise.all(readers.map(({ opened }) => opened))
    const publishers = nodes.map(({ hub }, index) => startPublisher(hub, 'numbers', `p${index}`, everyMs))
    await delay(200)
    await fault({ proxy, nodes })
    const faultEndedAt = performance.now()
    await untilAllHear(nodes, readers)
    const recoveryMs = performance.now() - faultEndedAt
    await delay(200)
    await Promise.all(publishers.map((each) => each.stop()))
    await untilAllHear(nodes, readers)
    const [first, second] = publishers
    expectNothingSilent(readers, { p0: first?.outcomes ?? new Map(), p1: second?.outcomes ?? new Map() })
    return {
      publishers: countOutcomes(publishers),
      slowestPublishMs: Math.round(Math.max(...publishers.map((each) => each.slowestMs))),
      gaps: readers.map(({ gaps }) => gaps),
      recoveryMs: Math.round(recoveryMs),
    }
  } finally {
    await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()))
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()))
  }
}

let probes = 0

/** Publishes, at each hub, until an event of it has reached every reader. */
async function untilAllHear(nodes: readonly Node[], readers: readonly Reader[]): Promise<void> {
  for (const { hub } of nodes) {
    const end = performance.now() + 30_000
    for (let isHeard = false; !isHeard;) {
      if (performance.now() > end) throw new Error('what is published does not reach every reader')
      const probe = `probe ${(probes += 1)}`
      const heard = (): boolean => readers.every(({ events }) => events.some(({ data }) => data === probe))
      try {
        await hub.publish('numbers', { event: 'probe', data: probe })
      } catch {
        // That it is refused is what is to end.
        await delay(5)
        continue
      }
      // An event that was evicted before it could arrive is not waited for.
      for (let waited = 0; waited < 200 && !isHeard; waited += 1) {
        await delay(2)
        isHeard = heard()
      }
    }
  }
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** A port that leads to another one, which can be changed: what a failover does with an address. */
export interface Switchboard extends AsyncDisposable {
  readonly port: number
  /** Who connects next comes to `port`. `all` (default) cuts what is connected. */
  leadTo(port: number, whom?: 'all' | 'new'): void
}

export async function startSwitchboard(target: number): Promise<Switchboard> {
  let current = target
  const sockets = new Set<Socket>()
  const track = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    return socket.on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    const upstream = track(connect(current, '127.0.0.1'))
    track(client).pipe(upstream).pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (port, whom = 'all') => {
      current = port
      if (whom === 'new') return
      for (const socket of sockets) socket.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await once(server.close(), 'close')
    },
  }
}
