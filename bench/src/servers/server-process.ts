/** The process of one server under test. */
import { setImmediate as endOfTurn, setTimeout as delay } from 'node:timers/promises'
import { DeliveryError } from '../errors/delivery-error.ts'
import { outgoingEvent } from '../events.ts'
import { now, serveCalls } from '../worker/serve-calls.ts'
import { serverContenders } from './contenders.ts'
import { cpuMicrosOf, rssBytesOf } from './other-process.ts'
import type { PublishingServer } from './publishing-server.ts'

export interface PublishOrder {
  readonly connections: number
  readonly eventsPerTurn: number
  readonly durationMs: number
}

export interface OpenedServer {
  readonly port: number
  readonly replayPath: string | undefined
}

export interface Published {
  /** To each connection. */
  readonly events: number
  readonly cpuMicros: number
  readonly elapsedMs: number
}

export interface Memory {
  readonly rssBytes: number
  readonly heapBytes: number
}

// How far the publisher may be ahead of what has arrived: enough that it never waits for the network, and little enough
// that no buffer on the way fills up.
const turnsInFlight = 32
const arrivalTimeoutMs = 3000

let server: PublishingServer | undefined
let nextSeq = 0
// The events that the load process has received, on all connections together.
const arrivals: { total: number; onChange: (() => void) | undefined } = { total: 0, onChange: undefined }

const methods = {
  async open(name: string): Promise<OpenedServer> {
    const contender = serverContenders.find((each) => each.name === name)
    if (contender === undefined) throw new TypeError(`There is no server ${name}`)
    const { open } = await contender.load()
    server = await open()
    return { port: server.port, replayPath: server.replayPath }
  },

  /** Publishes once for each turn, so many times a second, and returns when each was published, by {@link now}. */
  async publishAtRate(perSecond: number, durationMs: number): Promise<readonly number[]> {
    if (server === undefined) throw new TypeError('No server is open')
    const times: number[] = []
    const startedAt = performance.now()
    for (let index = 0; index < (durationMs / 1000) * perSecond; index += 1) {
      await delay(Math.max(0, startedAt + (index * 1000) / perSecond - performance.now()))
      times.push(now())
      await server.publish([outgoingEvent(nextSeq)])
      nextSeq += 1
    }
    return times
  },

  cpuMicros(): number {
    if (server === undefined) throw new TypeError('No server is open')
    return cpuMicros(server)
  },

  /** Publishes for a time, as fast as the events arrive, and returns when all have arrived. */
  async publish(order: PublishOrder): Promise<Published> {
    if (server === undefined) throw new TypeError('No server is open')
    const { connections, eventsPerTurn, durationMs } = order
    const firstSeq = nextSeq
    const cpuBefore = cpuMicros(server)
    const startedAt = performance.now()
    do {
      const events = Array.from({ length: eventsPerTurn }, (_, index) => outgoingEvent(nextSeq + index))
      nextSeq += eventsPerTurn
      await server.publish(events)
      await endOfTurn()
      await arrivalOf((nextSeq - turnsInFlight * eventsPerTurn) * connections)
    } while (performance.now() - startedAt < durationMs)
    await arrivalOf(nextSeq * connections)
    return {
      events: nextSeq - firstSeq,
      cpuMicros: cpuMicros(server) - cpuBefore,
      elapsedMs: performance.now() - startedAt,
    }
  },

  /** The load process has got so many events so far, on all connections together. */
  arrived(total: number): void {
    arrivals.total = total
    arrivals.onChange?.()
  },

  async memory(): Promise<Memory> {
    if (server?.pid !== undefined) return { rssBytes: rssBytesOf(server.pid), heapBytes: 0 }
    const { gc } = globalThis
    if (gc === undefined) throw new TypeError('Run with --expose-gc')
    // The second collection frees the objects that the first finalized. V8 returns the pages some time later.
    for (let collection = 0; collection < 3; collection += 1) {
      await gc({ type: 'major', execution: 'async' })
      await delay(100)
    }
    const { rss, heapUsed } = process.memoryUsage()
    return { rssBytes: rss, heapBytes: heapUsed }
  },
}

export type ServerMethods = typeof methods

function cpuMicros({ pid }: PublishingServer): number {
  if (pid !== undefined) return cpuMicrosOf(pid)
  const { user, system } = process.cpuUsage()
  return user + system
}

async function arrivalOf(total: number): Promise<void> {
  while (arrivals.total < total) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      reject(new DeliveryError(`only ${arrivals.total} of ${total} events arrived, and no more came`))
    }, arrivalTimeoutMs)
    arrivals.onChange = resolve
    try {
      await promise
    } finally {
      clearTimeout(timer)
      arrivals.onChange = undefined
    }
  }
}

serveCalls(methods)
