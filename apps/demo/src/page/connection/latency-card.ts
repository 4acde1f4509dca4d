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
      'The time from an event\u2019s creation to its arrival here, minus the difference between the two clocks. The fastest event serves as the estimate of that difference, so it counts as 0 ms.',
    ),
    bars.element,
  )
  return { element: card, draw: () => bars.draw(record.latencies) }
}
