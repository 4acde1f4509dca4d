/** The process of one log, without a hub: what storing and reading costs. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { memoryLog, parseTopicPattern } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'
import { redisLog } from '@sse-toolkit/sse-redis'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import { serveCalls } from '../worker/serve-calls.ts'

export type LogKind = 'memory' | 'file' | 'file, synchronous: full' | 'redis'

// 66 bytes, as in the other benchmarks.
const data = JSON.stringify({ id: 1041, text: 'x'.repeat(43) })
const topicCount = 100
const pagesOf = 256
const directory = mkdtempSync(join(tmpdir(), 'sse-bench-logs-'))
let files = 0

const methods = {
  /** @returns CPU microseconds of this process for each event stored, so many in each turn of the event loop. */
  async append(kind: LogKind, redisUrl: string, perTurn: number, windowMs: number): Promise<number> {
    const log = await open(kind, redisUrl)
    // Until the log holds as much as it may, and evicts for each event that it stores.
    await appendAll(log, perTurn, windowMs / 2, 12_000)
    const before = process.cpuUsage()
    const count = await appendAll(log, perTurn, windowMs, perTurn)
    const { user, system } = process.cpuUsage(before)
    await log.close()
    return (user + system) / count
  },

  /** @returns Milliseconds for which the event loop was late while 5000 events a second were stored. */
  async loopDelay(kind: LogKind, redisUrl: string, windowMs: number): Promise<{ p99: number; max: number }> {
    const log = await open(kind, redisUrl)
    await appendAll(log, 100, 0, 12_000)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const until = performance.now() + windowMs
    for (let due = performance.now(); due < until; due += 2) {
      await Promise.all(Array.from({ length: 10 }, (_, n) => log.append({ topic: `t.${n}`, data })))
      const waitMs = due + 2 - performance.now()
      if (waitMs > 0) await new Promise((resolve) => void setTimeout(resolve, waitMs))
    }
    delay.disable()
    await log.close()
    return { p99: delay.percentile(99) / 1e6 - 1, max: delay.max / 1e6 - 1 }
  },

  /** @returns CPU microseconds for each event that one of many readers is given again, of the newest thousand. */
  async replay(kind: LogKind, redisUrl: string, windowMs: number): Promise<number> {
    const log = await open(kind, redisUrl)
    await appendAll(log, 100, 0, 12_000)
    const { seq } = await log.head()
    const patterns = Array.from({ length: topicCount }, (_, n) => [parseTopicPattern(`t.${n}`)])
    const before = process.cpuUsage()
    const until = performance.now() + windowMs
    let count = 0
    while (performance.now() < until) {
      for (const pattern of patterns) {
        const { entries } = await log.read(pattern, seq - 1000, pagesOf)
        count += entries.length
      }
    }
    const { user, system } = process.cpuUsage(before)
    await log.close()
    return (user + system) / count
  },

  clean(): void {
    rmSync(directory, { recursive: true, force: true })
  },
}

export type LogsMethods = typeof methods

async function open(kind: LogKind, redisUrl: string): Promise<EventLog> {
  files += 1
  if (kind === 'memory') return memoryLog()
  if (kind === 'redis') {
    const log = redisLog({ url: redisUrl, namespace: `bench${files}` })
    await log.ready()
    return log
  }
  const path = join(directory, `${files}.db`)
  return sqliteLog({ path, synchronous: kind === 'file' ? 'normal' : 'full' })
}

async function appendAll(log: EventLog, perTurn: number, windowMs: number, least: number): Promise<number> {
  const until = performance.now() + windowMs
  let count = 0
  while (count < least || performance.now() < until) {
    const first = count
    await Promise.all(
      Array.from({ length: perTurn }, (_, n) => log.append({ topic: `t.${(first + n) % topicCount}`, data })),
    )
    count += perTurn
  }
  return count
}

serveCalls(methods)
