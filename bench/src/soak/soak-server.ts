/** The process under soak: a hub on http-core, publishing at random over its topics. */
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { HubStats } from '@sse-toolkit/sse-server'
import { serveCalls } from '../worker/serve-calls.ts'

export interface SoakServer {
  listen(topicCount: number): Promise<number>
  /** Publishes `eventsPerSecond`, each to a topic at random; the first `hotTopics` get large events besides. */
  publish(eventsPerSecond: number, hotTopics: number): void
  /** Stops publishing. @returns how many events each topic has had. */
  stopPublishing(): readonly number[]
  /** After collecting garbage: what is still there then is what the hub holds. */
  observe(): { readonly memory: NodeJS.MemoryUsage; readonly stats: HubStats }
  close(): Promise<void>
}

const tickMs = 10
const smallText = ' '.repeat(120)
const largeText = ' '.repeat(4000)

// Small, so that a reader that stops is soon cut off; and a log that does not outlast the longest absences.
const hub = createHub({
  maxBufferedBytes: 65_536,
  heartbeatIntervalMs: 5000,
  log: memoryLog({ maxEvents: 20_000, maxAgeMs: 0 }),
})
const router = createRouter()
router.get('/events', (request) =>
  hub.subscribe(request, { topics: new URL(request.url).searchParams.get('topics')?.split(',') ?? [] }),
)
const server = createServer({
  fetch: router.fetch,
  port: 0,
  maxConnections: 20_000,
  maxRequestsInFlight: 20_000,
})
let counts: number[] = []
let timer: NodeJS.Timeout | undefined

function publish(topic: number, text: string): void {
  const count = (counts[topic] ?? 0) + 1
  counts[topic] = count
  void hub.publish(`t.${topic}`, { data: `${topic} ${count}${text}` })
}

serveCalls<SoakServer>({
  async listen(topicCount) {
    counts = Array.from({ length: topicCount }, () => 0)
    await server.listen()
    return server.port ?? 0
  },
  publish(eventsPerSecond, hotTopics) {
    timer = setInterval(() => {
      for (let n = 0; n < (eventsPerSecond * tickMs) / 1000; n += 1) {
        publish(Math.floor(Math.random() * counts.length), smallText)
      }
      for (let topic = 0; topic < hotTopics; topic += 1) publish(topic, largeText)
    }, tickMs)
  },
  stopPublishing() {
    clearInterval(timer)
    return counts
  },
  observe() {
    globalThis.gc?.()
    return { memory: process.memoryUsage(), stats: hub.stats() }
  },
  async close() {
    await hub.close({ timeoutMs: 0 })
    await server.close({ timeoutMs: 0 })
  },
})
