import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import type { Hub } from '@sse-toolkit/sse-server'
import { TOPIC_INTERVAL_MS } from '../samples.ts'
import type { DemoEvents, DemoTopic } from '../samples.ts'
import { createEventLoopReader } from './event-loop.ts'
import { every } from './every.ts'
import { createHubReader } from './hub-reader.ts'
import type { HubFigures } from './hub-reader.ts'
import { createCpuReader } from './machine/cpu.ts'
import { createDiskReader } from './machine/disk.ts'
import { readLoad } from './machine/load.ts'
import { readMemory } from './machine/memory.ts'
import { createNetworkReader } from './machine/network.ts'
import type { Runtime } from './runtime.ts'

type Readers = { readonly [Topic in DemoTopic]: () => WithoutTime<DemoEvents[Topic]> | undefined }

/** Distributes over a union, as `Omit` does not. */
type WithoutTime<Sample> = Sample extends unknown ? Omit<Sample, 'at'> : never

/**
 * Publishes each topic's figures at its rate.
 *
 * @param onFailure - Called with the error that a reader or the hub threw. Without figures, the demo cannot run.
 * @returns A function that stops it.
 */
export function publishSamples(options: {
  hub: Pick<Hub, 'publish'>
  /** Of all processes that serve the page. */
  hubFigures: () => HubFigures
  run: string
  runtime: Runtime
  onFailure: (error: unknown) => void
}): () => void {
  const { hub, hubFigures, run, runtime, onFailure } = options
  const eventLoop = createEventLoopReader()
  const readText = (path: string): string => readFileSync(path, 'utf8')
  const now = (): number => runtime.now()
  // The next number is published when the last one is known to be stored: an outage of the log leaves none out.
  let n = 1
  let isNumberUnderWay = false

  const readers: Readers = {
    'machine.cpu': createCpuReader(cpus),
    'machine.memory': readMemory,
    'machine.load': () => readLoad(),
    'machine.network': createNetworkReader({ readText, now }),
    'machine.disk': createDiskReader({ readText, listDevices: () => readdirSync('/sys/block'), now }),
    'process.event-loop': () => eventLoop.read(),
    'hub.stats': createHubReader(hubFigures, now),
    sequence: () => (isNumberUnderWay ? undefined : { run, n }),
  }

  function publish(topic: DemoTopic): void {
    const reading = readers[topic]()
    if (reading === undefined) return
    const data = { at: runtime.wallClock(), ...reading }
    const stored = hub.publish(topic, { event: topic, data })
    if (topic === 'sequence') void count(stored)
    stored.catch(onFailure)
  }

  async function count(stored: Promise<unknown>): Promise<void> {
    isNumberUnderWay = true
    try {
      await stored
      n += 1
    } catch (error) {
      // It may have been stored; to publish it again would be to repeat it.
      if ((error as { code?: unknown }).code === 'outcome-unknown') n += 1
    }
    isNumberUnderWay = false
  }

  const stops = (Object.keys(readers) as DemoTopic[]).map((topic) => {
    // At once, so that the first page finds figures; what needs two looks has its first look now.
    publish(topic)
    return every(TOPIC_INTERVAL_MS[topic], () => publish(topic), runtime)
  })
  return () => {
    for (const stop of stops) stop()
    eventLoop.stop()
  }
}
