/** The process of one client under test. */
import { setTimeout as delay } from 'node:timers/promises'
import { DeliveryError } from '../errors/delivery-error.ts'
import { outgoingEvent } from '../events.ts'
import { serveCalls } from '../worker/serve-calls.ts'
import { clientContenders } from './contenders.ts'

export interface ReadOrder {
  readonly url: string
  /** The server's events, which repeat after so many. */
  readonly cycle: number
  readonly padding: string
  readonly warmUpMs: number
  readonly windowMs: number
}

export interface Read {
  readonly events: number
  readonly cpuMicros: number
  readonly elapsedMs: number
  /** Of the process, at the end. */
  readonly rssBytes: number
}

const methods = {
  /** Reads for a time. @throws if an event is missing, repeated, or not what was sent. */
  async read(name: string, { url, cycle, padding, warmUpMs, windowMs }: ReadOrder): Promise<Read> {
    const contender = clientContenders.find((each) => each.name === name)
    if (contender === undefined) throw new TypeError(`There is no client ${name}`)
    const { open } = await contender.load()
    const expected = Array.from({ length: cycle }, (_, seq) => outgoingEvent(seq, padding).data)
    let count = 0
    let fault: DeliveryError | undefined
    const close = open(url, (data) => {
      if (data !== expected[count % cycle]) {
        fault ??= new DeliveryError(
          `event ${count} is not what was sent: ${JSON.stringify(data.slice(0, 60))}`,
        )
      }
      count += 1
    })
    await delay(warmUpMs)
    const countBefore = count
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    await delay(windowMs)
    const { user, system } = process.cpuUsage(cpuBefore)
    const elapsedMs = performance.now() - startedAt
    const events = count - countBefore
    const rssBytes = process.memoryUsage.rss()
    close()
    if (fault !== undefined) throw fault
    if (events === 0) throw new DeliveryError('no event came')
    return { events, cpuMicros: user + system, elapsedMs, rssBytes }
  },
}

export type ClientMethods = typeof methods

serveCalls(methods)
