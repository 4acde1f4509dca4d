/** One of the servers on a log in a file. */
import { setTimeout as delay } from 'node:timers/promises'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import type { SqliteLogOptions } from '@sse-toolkit/sse-sqlite'
import { outgoingEvent } from '../events.ts'
import { now, serveCalls } from '../worker/serve-calls.ts'

let hub: Hub | undefined
let nextSeq = 0

const methods = {
  /** @returns the port. */
  async open(path: string, synchronous: SqliteLogOptions['synchronous']): Promise<number> {
    const opened = createHub({ log: sqliteLog({ path, synchronous }) })
    const server = createServer({
      port: 0,
      fetch: (request) => opened.subscribe(request, { topics: ['bench'] }),
    })
    await server.listen()
    if (server.port === undefined) throw new TypeError('The server listens on no port')
    hub = opened
    return server.port
  },

  /** Publishes so many times a second. @returns when each event was published, by {@link now}. */
  async publish(perSecond: number, durationMs: number): Promise<readonly number[]> {
    if (hub === undefined) throw new TypeError('No hub is open')
    const times: number[] = []
    const stored: Promise<unknown>[] = []
    const startedAt = performance.now()
    for (let index = 0; index < (durationMs / 1000) * perSecond; index += 1) {
      const waitMs = startedAt + (index * 1000) / perSecond - performance.now()
      if (waitMs > 0) await delay(waitMs)
      times.push(now())
      stored.push(hub.publish('bench', { data: outgoingEvent(nextSeq).data }))
      nextSeq += 1
    }
    await Promise.all(stored)
    return times
  },

  cpuMicros(): number {
    const { user, system } = process.cpuUsage()
    return user + system
  },
}

export type SharedFileMethods = typeof methods

serveCalls(methods)
