/** The process that fills the log, and goes on publishing while it is read. */
import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisLog } from '@sse-toolkit/sse-redis'
import { now, serveCalls } from '../worker/serve-calls.ts'

const atOnce = 1000

let log: RedisLog | undefined
let timer: NodeJS.Timeout | undefined
const durations: number[] = []
let publishing: Promise<void>[] = []

const methods = {
  async fill(redisUrl: string, topics: readonly string[], events: number): Promise<void> {
    log = redisLog({ url: redisUrl, maxEvents: 200_000 })
    await log.ready()
    for (let first = 0; first < events; first += atOnce) {
      const length = Math.min(atOnce, events - first)
      await Promise.all(
        Array.from({ length }, (_, n) => append(topics[(first + n) % topics.length], first + n)),
      )
    }
  },

  start(perSecond: number): void {
    durations.length = 0
    timer = setInterval(() => {
      const beganAt = now()
      const published = append('other', 0).then(
        () => void durations.push(now() - beganAt),
        // As good as never.
        () => void durations.push(Number.POSITIVE_INFINITY),
      )
      publishing.push(published)
    }, 1000 / perSecond)
  },

  /** @returns how long publishing took, in milliseconds: the median. */
  async stop(): Promise<number> {
    clearInterval(timer)
    await Promise.all(publishing)
    publishing = []
    return durations.toSorted((one, other) => one - other)[Math.floor(durations.length / 2)] ?? Number.NaN
  },
}

export type EarliestPublisherMethods = typeof methods

async function append(topic: string | undefined, n: number): Promise<void> {
  const data = JSON.stringify({ orderId: n, status: 'paid', total: 42.5 })
  await log?.append({ topic: topic ?? 'other', event: undefined, data, key: undefined })
}

serveCalls(methods)
