import { create } from '../element.ts'
import { createLatencyBars } from '../latency-bars.ts'
import { LATENCY_LIMITS_MS } from './connection-record.ts'
import type { ConnectionRecord } from './connection-record.ts'

export interface LatencyCard {
  readonly element: HTMLElement
  draw(): void
}

/** How many live events took how long. */
export function createLatencyCard(record: ConnectionRecord): LatencyCard {
  const card = create('section', 'card')
  const title = create('h3', '', 'Latency')
  title.id = 'latency-title'
  card.setAttribute('aria-labelledby', title.id)
  const bars = createLatencyBars(LATENCY_LIMITS_MS)
  card.append(
    title,
    create(
      'p',
      'lead',
      'From an event\u2019s making to its arrival here, less the difference of the two clocks. That is estimated by the event with the shortest way, so the fastest one counts as 0 ms.',
    ),
    bars.element,
  )
  return { element: card, draw: () => bars.draw(record.latencies) }
}
