/**
 * Runs a hub while five thousand clients come and go: `pnpm soak [--seconds 180] [--connections 5000]`.
 *
 * Each client reads three of 500 topics. All the time some clients disconnect without closing, or stop reading for a while,
 * and then resume where they were. At the end every client must have each event of its topics once and in order, except
 * where the hub announced a gap; and the server's memory must not have grown.
 *
 * Two others are programs of their own, under schedules of faults that a seed draws: `pnpm soak --redis [--seconds 180]
 * [--seed S]` runs hubs on a real Redis, test/abroad/redis-soak.ts; `pnpm soak --sqlite` runs servers on one log in a file,
 * test/abroad/sqlite-soak.ts.
 */
import { spawnSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startWorker } from '../worker/worker.ts'
import { SoakReader } from './soak-reader.ts'
import type { SoakReport } from './soak-reader.ts'
import type { SoakServer } from './soak-server.ts'

const { values } = parseArgs({
  options: {
    redis: { type: 'boolean', default: false },
    sqlite: { type: 'boolean', default: false },
    seed: { type: 'string' },
    seconds: { type: 'string', default: '180' },
    connections: { type: 'string', default: '5000' },
    rate: { type: 'string', default: '500' },
  },
})
if (values.redis || values.sqlite) {
  const program = fileURLToPath(
    values.redis
      ? new URL('../../../test/abroad/redis-soak.ts', import.meta.url)
      : new URL('../../../test/abroad/sqlite-soak.ts', import.meta.url),
  )
  const seed = values.seed === undefined ? [] : ['--seed', values.seed]
  const args = [...process.execArgv, program, '--seconds', values.seconds, ...seed]
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  process.exit(status ?? 1)
}
const seconds = Number(values.seconds)
const connections = Number(values.connections)
const topicCount = 500
const hotTopics = 2
const stepMs = 20

await using server = startWorker<SoakServer>({
  name: 'soak server',
  entry: new URL('soak-server.ts', import.meta.url),
  core: 0,
})
const port = await server.call('listen', topicCount)
const readers = Array.from({ length: connections }, () => {
  const topics = new Set<number>()
  while (topics.size < 3) topics.add(Math.floor(Math.random() * topicCount))
  return new SoakReader(port, [...topics])
})
for (let index = 0; index < readers.length; index += 100) {
  await Promise.all(
    readers
      .slice(index, index + 100)
      .map((reader) => new Promise<void>((resolve) => reader.connect(resolve))),
  )
}

const events = { left: 0, stalled: 0, returned: 0 }
const stalled = new Map<SoakReader, number>()
const away = new Map<SoakReader, number>()
const memory: NodeJS.MemoryUsage[] = []
const startedAt = performance.now()
await server.call('publish', Number(values.rate), hotTopics)

while (performance.now() - startedAt < seconds * 1000) {
  const now = performance.now()
  disturb(now)
  bringBack(now)
  if (memory.length < (now - startedAt) / 5000) memory.push((await server.call('observe')).memory)
  await delay(stepMs)
}

const counts = await server.call('stopPublishing')
for (const reader of stalled.keys()) reader.resume()
const deadline = performance.now() + 25_000
let incomplete = readers
while (incomplete.length > 0 && performance.now() < deadline) {
  for (const reader of incomplete) if (!reader.isConnected) reader.connect()
  await delay(250)
  incomplete = incomplete.filter((reader) => !reader.isComplete(counts))
}
const { stats } = await server.call('observe')
await server.call('close')
report()

/** A few of those that are there leave, and a few stop reading, which is worse. */
function disturb(now: number): void {
  for (let n = 0; n < (connections * stepMs) / 60_000; n += 1) {
    const reader = readers[Math.floor(Math.random() * readers.length)]
    if (reader === undefined || !reader.isConnected || stalled.has(reader)) continue
    if (Math.random() < 0.6) {
      reader.leave()
      events.left += 1
    } else {
      reader.stall()
      stalled.set(reader, now + 500 + Math.random() * 20_000)
      events.stalled += 1
    }
  }
}

/** A reader that was away, or that the server cut off, returns at once, soon, or late. */
function bringBack(now: number): void {
  for (const [reader, until] of stalled) {
    if (now < until) continue
    reader.resume()
    stalled.delete(reader)
  }
  for (const reader of readers) {
    if (reader.isConnected) {
      away.delete(reader)
      continue
    }
    const until = away.get(reader)
    if (until === undefined) away.set(reader, now + Math.random() ** 3 * 30_000)
    else if (now >= until) {
      stalled.delete(reader)
      reader.connect()
      events.returned += 1
    }
  }
}

function report(): void {
  const total: SoakReport = {
    received: 0,
    repeated: 0,
    outOfOrder: 0,
    missing: 0,
    announced: 0,
    gaps: 0,
    connections: 0,
  }
  for (const reader of readers) {
    for (const key of Object.keys(total) as (keyof SoakReport)[]) total[key] += reader.report[key]
  }
  const third = Math.floor(memory.length / 3)
  const median = (of: readonly number[]): number =>
    of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0
  const byThirds = (read: (usage: NodeJS.MemoryUsage) => number): string =>
    [0, 1, 2]
      .map((n) => median(memory.slice(n * third, (n + 1) * third).map(read)) / 2 ** 20)
      .map((mebibytes) => `${mebibytes.toFixed(0)} MiB`)
      .join(', ')
  console.log(
    `published ${counts.reduce((sum, count) => sum + count, 0)} events over ${topicCount} topics in ${seconds} s`,
  )
  console.log(
    `${connections} clients: left ${events.left}, stopped reading ${events.stalled}, returned ${events.returned} times`,
  )
  console.log(
    `received ${total.received}; repeated ${total.repeated}, out of order ${total.outOfOrder}, missing ${total.missing}`,
  )
  console.log(
    `gaps announced ${total.gaps}, with ${total.announced} events; incomplete clients at the end ${incomplete.length}`,
  )
  console.log(`server: ${JSON.stringify(stats)}`)
  console.log("server's memory after collecting garbage, by thirds of the time:")
  console.log(`  resident ${byThirds(({ rss }) => rss)}`)
  console.log(`  heap     ${byThirds(({ heapUsed }) => heapUsed)}`)
  console.log(`  buffers  ${byThirds(({ arrayBuffers }) => arrayBuffers)}`)
  const failed = total.repeated + total.outOfOrder + total.missing + incomplete.length > 0
  console.log(failed ? 'FAILED' : 'ok')
  process.exitCode = failed ? 1 : 0
  for (const reader of readers) reader.leave()
}
