import type { HubStats } from '@sse-toolkit/sse-server'
import type { HubSample } from '../samples.ts'
import { ratesBetween } from './machine/reading.ts'

/** What is read of a hub, or of the hubs of several processes together. */
export type HubFigures = Pick<HubStats, 'connections' | 'bufferedBytes' | 'published' | 'delivered'>

/** The hub's own figures: how much it published and delivered since the last look, and who is connected now. */
export function createHubReader(
  stats: () => HubFigures,
  now: () => number,
): () => Omit<HubSample, 'at'> | undefined {
  let last: { counters: { published: number; delivered: number }; at: number } | undefined
  return () => {
    const { connections, bufferedBytes, published, delivered } = stats()
    const counters = { published, delivered }
    const at = now()
    const previous = last
    last = { counters, at }
    const rates = previous && ratesBetween(previous.counters, counters, at - previous.at)
    return rates && { connections, bufferedBytes, ...rates }
  }
}
