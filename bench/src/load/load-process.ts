/** The process of the clients: raw sockets that check what comes, and cost as little as can be. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { DeliveryError } from '../errors/delivery-error.ts'
import { now, sendNotice, serveCalls } from '../worker/serve-calls.ts'
import { ConnectionChecker } from './connection-checker.ts'

export interface Counts {
  /** On all connections together. */
  readonly events: number
  readonly bytes: number
  readonly chunks: number
  /** Of the time since the counts began, the part that this process was computing. */
  readonly busy: number
}

export interface Destination {
  readonly port: number
  readonly path: string
  /** How many connections are opened at the same time. */
  readonly atOnce: number
}

const host = '127.0.0.1'
const noticeIntervalMs = 5
const arrivalTimeoutMs = 10_000

// All sockets read into the same memory: each read has been dealt with before the next one begins.
const readBuffer = Buffer.allocUnsafeSlow(65_536)
const connections: { readonly socket: Socket; readonly checker: ConnectionChecker }[] = []
let events = 0
let bytes = 0
let noticed = 0
let arrivals: { readonly seq: number; readonly at: number }[] | undefined
let before = { events: 0, bytes: 0, chunks: 0, cpu: process.cpuUsage(), at: performance.now() }

const methods = {
  /** Opens so many more connections, some at once, and returns when each has got the head of its response. */
  async connect({ port, path, atOnce }: Destination, count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += atOnce) {
      const batch = Math.min(atOnce, count - opened)
      await Promise.all(Array.from({ length: batch }, () => openConnection(port, path)))
    }
  },

  /** Returns when so many events have come, on all connections together, since the counts began. */
  async untilEvents(total: number): Promise<void> {
    const deadline = performance.now() + arrivalTimeoutMs
    while (events - before.events < total) {
      if (performance.now() > deadline)
        throw new DeliveryError(`only ${events - before.events} of ${total} events came`)
      await delay(1)
    }
  },

  /** From now on the time at which each event comes is noted. */
  beginArrivals(): void {
    arrivals = []
  },

  /** How long each event was on its way, in milliseconds: the given parts of all that came, in order of length. */
  latencies(publishedAt: readonly number[], firstSeq: number, parts: readonly number[]): readonly number[] {
    const latencies = arrivals?.map(({ seq, at }) => at - (publishedAt[seq - firstSeq] ?? Number.NaN)) ?? []
    latencies.sort((one, other) => one - other)
    return parts.map((part) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN)
  },

  beginCounts(): void {
    before = { events, bytes, chunks: chunkCount(), cpu: process.cpuUsage(), at: performance.now() }
  },

  counts(): Counts {
    const { user, system } = process.cpuUsage(before.cpu)
    return {
      events: events - before.events,
      bytes: bytes - before.bytes,
      chunks: chunkCount() - before.chunks,
      busy: (user + system) / 1000 / (performance.now() - before.at),
    }
  },

  /** @throws unless each connection has got the events from 0 up to, not including, `nextSeq`, in order. */
  verify(nextSeq: number): void {
    for (const [index, { checker }] of connections.entries()) {
      if (checker.fault !== undefined) throw new DeliveryError(`connection ${index}: ${checker.fault}`)
      if (checker.nextSeq !== nextSeq) {
        throw new DeliveryError(`connection ${index} got ${checker.nextSeq} events of ${nextSeq}`)
      }
    }
  },
}

export type LoadMethods = typeof methods

async function openConnection(port: number, path: string): Promise<void> {
  const checker = new ConnectionChecker()
  const answered = Promise.withResolvers<void>()
  const socket = connect({
    host,
    port,
    noDelay: true,
    onread: {
      buffer: readBuffer,
      callback(length: number) {
        const wasOpen = checker.isOpen
        bytes += length
        const firstSeq = checker.nextSeq
        events += checker.read(readBuffer, length)
        if (arrivals !== undefined && checker.nextSeq > firstSeq) {
          const at = now()
          for (let seq = firstSeq; seq < checker.nextSeq; seq += 1) arrivals.push({ seq, at })
        }
        if (!wasOpen && checker.isOpen) answered.resolve()
        if (checker.fault === undefined) return true
        answered.reject(new DeliveryError(checker.fault))
        return false
      },
    },
  })
  socket.on('close', () => {
    checker.fault ??= `the connection was closed before event ${checker.nextSeq}`
    answered.reject(new DeliveryError(checker.fault))
  })
  socket.on('error', (error) => {
    checker.fault ??= error.message
  })
  connections.push({ socket, checker })
  await Promise.race([once(socket, 'connect'), answered.promise])
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nAccept: text/event-stream\r\n\r\n`)
  await answered.promise
}

function chunkCount(): number {
  return connections.reduce((sum, { checker }) => sum + checker.chunks, 0)
}

setInterval(() => {
  if (events === noticed) return
  noticed = events
  sendNotice(events)
}, noticeIntervalMs)

serveCalls(methods)
