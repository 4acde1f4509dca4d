/** The process that asks an HTTP server, over raw sockets, and checks what it answers. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { DeliveryError } from '../errors/delivery-error.ts'
import { ConnectionChecker } from '../load/connection-checker.ts'
import { host } from '../servers/publishing-server.ts'
import { serveCalls } from '../worker/serve-calls.ts'
import { streamedEvents, userOf } from './http-server.ts'

export interface Asked {
  readonly requests: number
  readonly elapsedMs: number
  /** Of the elapsed time, the part that this process was computing. */
  readonly busy: number
}

const methods = {
  /** Asks for users, or posts some, on so many connections, one request at a time on each. */
  async ask(method: 'GET' | 'POST', port: number, connections: number, durationMs: number): Promise<Asked> {
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    const counts = await Promise.all(
      Array.from({ length: connections }, (_, index) =>
        askOne(method, port, String(index), startedAt + durationMs),
      ),
    )
    const elapsedMs = performance.now() - startedAt
    const { user, system } = process.cpuUsage(cpuBefore)
    return {
      requests: counts.reduce((sum, count) => sum + count, 0),
      elapsedMs,
      busy: (user + system) / 1000 / elapsedMs,
    }
  },

  /** Reads a stream of events to its end. @throws unless all came, in order. */
  async readStream(port: number): Promise<void> {
    const checker = new ConnectionChecker(streamedEvents)
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, host)
      socket.on('data', (bytes: Buffer) => {
        checker.read(bytes, bytes.length)
        if (checker.isComplete || checker.fault !== undefined) socket.destroy()
      })
      socket.on('error', reject)
      socket.on('close', () => resolve())
      socket.write(`GET /stream HTTP/1.1\r\nHost: ${host}:${port}\r\nAccept: text/event-stream\r\n\r\n`)
    })
    if (!checker.isComplete)
      throw new DeliveryError(checker.fault ?? `only ${checker.nextSeq} of ${streamedEvents} events came`)
  },
}

export type HttpLoadMethods = typeof methods

/** @returns how many responses came until the time. */
async function askOne(method: 'GET' | 'POST', port: number, id: string, until: number): Promise<number> {
  const fields = `Host: ${host}:${port}\r\nAccept: application/json\r\n`
  const content = JSON.stringify({ id, note: 'a small one' })
  const request =
    method === 'GET'
      ? `GET /users/${id} HTTP/1.1\r\n${fields}\r\n`
      : `POST /users HTTP/1.1\r\n${fields}Content-Type: application/json\r\nContent-Length: ${content.length}\r\n\r\n${content}`
  const body = JSON.stringify(userOf(id))
  const socket = connect({ port, host, noDelay: true })
  let count = 0
  try {
    await new Promise<void>((resolve, reject) => {
      let received = ''
      socket.setEncoding('latin1')
      socket.on('data', (text: string) => {
        received += text
        if (!received.endsWith(body)) return
        if (!received.startsWith('HTTP/1.1 200 ') || !/\r\ncontent-type: application\/json/i.test(received))
          return reject(new DeliveryError(`it was answered ${JSON.stringify(received.slice(0, 80))}`))
        received = ''
        count += 1
        if (performance.now() >= until) resolve()
        else socket.write(request)
      })
      socket.on('error', reject)
      socket.on('close', () =>
        reject(new DeliveryError(`the connection was closed after ${count} responses`)),
      )
      socket.write(request)
    })
  } finally {
    endQuietly(socket)
  }
  return count
}

function endQuietly(socket: Socket): void {
  socket.removeAllListeners('close')
  socket.destroy()
}

serveCalls(methods)
