/** The process of one hub with many topics, each with one reader that only counts. */
import { byteSourceSymbol, createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { ByteSink, ByteSource, Hub } from '@sse-toolkit/sse-server'
import { DeliveryError } from '../errors/delivery-error.ts'
import { serveCalls } from '../worker/serve-calls.ts'

/** Whether readers name their topic, or match it by a pattern. */
export type TopicKind = 'exact' | 'pattern'

let writes = 0
// All connections write to it: what a socket costs is for other benchmarks.
const sink: ByteSink = {
  write(): boolean {
    writes += 1
    return true
  },
  bufferedBytes: 0,
  close: () => undefined,
  abort: () => undefined,
}

const methods = {
  /** @returns CPU microseconds for each event published to a topic at random. */
  async measure(kind: TopicKind, topicCount: number, windowMs: number): Promise<number> {
    const hub = createHub({ heartbeatIntervalMs: 0, log: memoryLog({ maxEvents: 1000, maxAgeMs: 0 }) })
    const request = new Request('http://localhost/')
    for (let n = 0; n < topicCount; n += 1) {
      const response = await hub.subscribe(
        request,
        kind === 'exact' ? { topics: [`t.${n}.x`] } : { patterns: [`t.${n}.*`] },
      )
      ;(Reflect.get(response, byteSourceSymbol) as ByteSource).attach(sink)
    }
    await publish(hub, topicCount, windowMs / 2)
    return publish(hub, topicCount, windowMs)
  },
}

export type TopicsMethods = typeof methods

async function publish(hub: Hub, topicCount: number, windowMs: number): Promise<number> {
  const deliveredBefore = hub.stats().delivered
  const cpuBefore = process.cpuUsage()
  const until = performance.now() + windowMs
  let published = 0
  do {
    for (let n = 0; n < 100; n += 1) {
      await hub.publish(`t.${Math.floor(Math.random() * topicCount)}.x`, { data: 'x' })
    }
    published += 100
    // The turn ends, and what it brought is written.
    await new Promise(setImmediate)
  } while (performance.now() < until)
  const { user, system } = process.cpuUsage(cpuBefore)
  const delivered = hub.stats().delivered - deliveredBefore
  if (delivered !== published || writes === 0) {
    throw new DeliveryError(`of ${published} events ${delivered} were delivered`)
  }
  return (user + system) / published
}

serveCalls(methods)
