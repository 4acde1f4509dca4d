/** The process of the clients: raw sockets that check what comes, and cost as little as can be. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { DeliveryError } from '../errors/delivery-error.ts'
import { sendNotice, serveCalls } from '../worker/serve-calls.ts'
import { ConnectionChecker } from './connection-checker.ts'

export interface Counts {
  /** On all connections together. */
  readonly events: number
  readonly bytes: number
  readonly chunks: number
  /** Of the time since the counts began, the part that this process was computing. */
  readonly busy: number
}

const host = '127.0.0.1'
const connectedAtOnce = 50
const noticeIntervalMs = 5

// All sockets read into the same memory: each read has been dealt with before the next one begins.
const readBuffer = Buffer.allocUnsafeSlow(65_536)
const connections: { readonly socket: Socket; readonly checker: ConnectionChecker }[] = []
let events = 0
let bytes = 0
let noticed = 0
let before = { events: 0, bytes: 0, chunks: 0, cpu: process.cpuUsage(), at: performance.now() }

const methods = {
  /** Opens so many more connections, and returns when each has got the head of its response. */
  async connect(port: number, count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += connectedAtOnce) {
      const batch = Math.min(connectedAtOnce, count - opened)
      await Promise.all(Array.from({ length: batch }, () => openConnection(port)))
    }
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

async function openConnection(port: number): Promise<void> {
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
        events += checker.read(readBuffer, length)
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
  socket.write(`GET /events HTTP/1.1\r\nHost: ${host}:${port}\r\nAccept: text/event-stream\r\n\r\n`)
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
