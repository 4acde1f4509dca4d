/** The process of one hub on Redis that was not there when the events were published, and of readers that only count. */
import { redisLog } from '@sse-toolkit/sse-redis'
import { byteSourceSymbol, createHub, parseTopicPattern } from '@sse-toolkit/sse-server'
import type { ByteSink, ByteSource, Hub } from '@sse-toolkit/sse-server'
import { now, serveCalls } from '../worker/serve-calls.ts'

export interface StormResult {
  /** Readers that have every event. */
  readonly complete: number
  readonly seconds: number
}

const subscribedAtOnce = 100

const methods = {
  /** Readers that come at once and ask for all that the log holds. */
  async storm(redisUrl: string, readers: number, events: number, patienceMs: number): Promise<StormResult> {
    const log = redisLog({ url: redisUrl, maxEvents: 200_000, onError: () => undefined })
    await log.ready()
    const hub = createHub({ log, heartbeatIntervalMs: 0, onError: () => undefined })
    const beganAt = now()
    const patience = AbortSignal.timeout(patienceMs)
    const reading: Promise<boolean>[] = []
    while (reading.length < readers && !patience.aborted) {
      const count = Math.min(subscribedAtOnce, readers - reading.length)
      reading.push(...Array.from({ length: count }, () => readAll(hub, events, patience)))
      await new Promise(setImmediate)
    }
    const outcomes = await Promise.all(reading)
    const complete = outcomes.filter((isWhole) => isWhole).length
    const seconds = (now() - beganAt) / 1000
    await hub.close({ timeoutMs: 0 })
    await log.close()
    return { complete, seconds }
  },

  /** One reader that names many topics. @returns how many events it read. */
  async readTopics(redisUrl: string, topics: readonly string[]): Promise<number> {
    const log = redisLog({ url: redisUrl, maxEvents: 200_000 })
    await log.ready()
    const patterns = topics.map((topic) => parseTopicPattern(topic))
    let count = 0
    let after = 0
    for (;;) {
      const { entries, more } = await log.read(patterns, after, 256)
      count += entries.length
      after = entries.at(-1)?.position.seq ?? after
      if (!more) break
    }
    await log.close()
    return count
  },
}

export type EarliestServerMethods = typeof methods

/** @returns whether every event came before the time was over. */
async function readAll(hub: Hub, events: number, patience: AbortSignal): Promise<boolean> {
  const response = await hub.subscribe(new Request('http://localhost/?lastEventId=earliest'), {
    topics: ['storm'],
  })
  if (response.status !== 200) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  let count = 0
  const sink: ByteSink = {
    write({ bytes }): boolean {
      count += countEvents(bytes)
      if (count >= events) resolve(count === events)
      return true
    },
    bufferedBytes: 0,
    close: () => resolve(false),
    abort: () => resolve(false),
  }
  const source: ByteSource = Reflect.get(response, byteSourceSymbol)
  const listener = source.attach(sink)
  patience.addEventListener('abort', () => resolve(false))
  const isWhole = await promise
  listener.closed()
  return isWhole
}

// The same bytes go to many readers.
const counts = new WeakMap<Uint8Array, number>()
const field = Buffer.from('\ndata:')

function countEvents(bytes: Uint8Array): number {
  let count = counts.get(bytes)
  if (count === undefined) {
    count = 0
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = buffer.indexOf(field); at !== -1; at = buffer.indexOf(field, at + field.length)) count += 1
    counts.set(bytes, count)
  }
  return count
}

serveCalls(methods)
