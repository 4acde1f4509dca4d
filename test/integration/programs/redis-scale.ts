/**
 * Three hub processes on one Redis, thousands of clients at each, and events over a thousand topics, on one machine.
 * Prints what it costs, and what was lost.
 *
 *     node --conditions=@sse-toolkit/source test/integration/programs/redis-scale.ts [clients] [events/s] [seconds]
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createClient } from '@redis/client'
import { startProcess, startRedis } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'

const [clientsPerHub = 3000, eventsPerSecond = 2000, seconds = 60] = process.argv.slice(2).map(Number)
const hubCount = 3
const topicCount = 1000

interface Hub {
  readonly process: StartedProcess
  readonly port: number
}

interface HubStats {
  readonly published: number
  readonly delivered: number
  readonly connections: number
  readonly cpu: { readonly user: number; readonly system: number }
  readonly memory: { readonly rss: number }
}

async function startHub(url: string): Promise<Hub> {
  const program = fileURLToPath(new URL('redis-hub-server.ts', import.meta.url))
  const hub = await startProcess({ args: [program, url], ready: /listening on \d+/ })
  return { process: hub, port: Number(/listening on (\d+)/.exec(hub.stdout)?.[1]) }
}

const latenciesMs: number[] = []
let received = 0
let missing = 0
let repeated = 0
let opened = 0

/** A raw socket, so that the client adds little to the measured cost. */
async function openClient(port: number, topic: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`GET /events/${topic} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`)
  const counts = new Map<string, number>()
  let rest = ''
  let isOpen = false
  socket.setEncoding('latin1').on('data', (text: string) => {
    if (!isOpen && text.startsWith('HTTP/1.1 200')) {
      isOpen = true
      opened += 1
    }
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, publisher, count, sentAt] = /^data: (\d+) (\d+) (\d+)$/.exec(line) ?? []
      if (publisher === undefined) continue
      const last = counts.get(publisher) ?? 0
      const n = Number(count)
      if (n <= last) repeated += 1
      else missing += n - last - 1
      counts.set(publisher, n)
      received += 1
      if (received % 50 === 0) latenciesMs.push(Date.now() - Number(sentAt))
    }
  })
  return socket
}

await using redis = await startRedis()
const admin = createClient({ url: redis.url })
await admin.connect()

async function redisInfo(): Promise<Map<string, number>> {
  const text = await admin.sendCommand<string>(['INFO', 'everything'])
  return new Map(
    text
      .split('\r\n')
      .map((line) => line.split(':'))
      .map(([name = '', value = '']) => [name, Number(value)]),
  )
}

const hubs = await Promise.all(Array.from({ length: hubCount }, () => startHub(redis.url)))
const statsOf = async ({ port }: Hub): Promise<HubStats> =>
  (await fetch(`http://127.0.0.1:${port}/stats`)).json() as Promise<HubStats>

const sockets: Socket[] = []
for (let n = 0; n < clientsPerHub; n += 50) {
  const batch = Array.from({ length: Math.min(50, clientsPerHub - n) }, (_, index) => n + index)
  const clients = hubs.flatMap(({ port }) => batch.map((index) => openClient(port, `t${index % topicCount}`)))
  sockets.push(...(await Promise.all(clients)))
}
while (opened < sockets.length) await sleep(50)
console.log(`${opened} clients at ${hubCount} hubs`)

const before = await redisInfo()
const hubsBefore = await Promise.all(hubs.map(statsOf))
const ownBefore = process.cpuUsage()
const startedAt = performance.now()
for (const { port } of hubs) {
  await fetch(`http://127.0.0.1:${port}/load/${eventsPerSecond / hubCount}/${topicCount}`, { method: 'POST' })
}
await sleep(seconds * 1000)
const after = await redisInfo()
const hubsAfter = await Promise.all(hubs.map(statsOf))
const elapsedS = (performance.now() - startedAt) / 1000
const own = process.cpuUsage(ownBefore)

const delta = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
const sum = (read: (stats: HubStats) => number): number =>
  hubsAfter.reduce((total, stats, index) => total + read(stats) - read(hubsBefore[index] ?? stats), 0)
const published = sum((stats) => stats.published)
const delivered = sum((stats) => stats.delivered)
const redisCpuS = delta('used_cpu_user') + delta('used_cpu_sys')
const hubCpuS = sum(({ cpu }) => cpu.user + cpu.system) / 1e6
latenciesMs.sort((a, b) => a - b)
const percentile = (part: number): number =>
  latenciesMs[Math.floor((latenciesMs.length - 1) * part)] ?? Number.NaN

console.log(
  JSON.stringify(
    {
      elapsedS: Math.round(elapsedS),
      // All are in this one process: where its share nears 1, the latencies are its own.
      clients: {
        count: sockets.length,
        cpuShare: Number(((own.user + own.system) / 1e6 / elapsedS).toFixed(3)),
      },
      published,
      publishedPerS: Math.round(published / elapsedS),
      deliveredPerS: Math.round(delivered / elapsedS),
      received,
      missing,
      repeated,
      latencyMs: { p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) },
      redis: {
        cpuShare: Number((redisCpuS / elapsedS).toFixed(3)),
        cpuUsPerEvent: Math.round((redisCpuS * 1e6) / published),
        commandsPerEvent: Number((delta('total_commands_processed') / published).toFixed(2)),
        bytesInPerEvent: Math.round(delta('total_net_input_bytes') / published),
        bytesOutPerEvent: Math.round(delta('total_net_output_bytes') / published),
        memoryMiB: Number(((after.get('used_memory') ?? 0) / 2 ** 20).toFixed(1)),
        events: await admin.sendCommand(['XLEN', '{sse}:log']),
        connections: (after.get('connected_clients') ?? 0) - 1,
      },
      hubs: {
        cpuShareEach: Number((hubCpuS / elapsedS / hubCount).toFixed(3)),
        cpuUsPerDelivery: Number(((hubCpuS * 1e6) / delivered).toFixed(1)),
        rssMiB: hubsAfter.map(({ memory }) => Math.round(memory.rss / 2 ** 20)),
      },
      errors: hubs.map(({ process: hub }) => hub.stderr.trim().split('\n').slice(0, 3)),
    },
    null,
    2,
  ),
)
for (const socket of sockets) socket.destroy()
await Promise.all(hubs.map(({ process: hub }) => hub.kill()))
admin.destroy()
