import { create } from '../element.ts'
import { formatCount, formatShare } from '../format.ts'
import { LATENCY_LIMITS_MS } from './connection-record.ts'
import type { ConnectionRecord } from './connection-record.ts'

export interface LatencyCard {
  readonly element: HTMLElement
  draw(): void
}

/** How many live events took how long, as bars that are text as well. */
export function createLatencyCard(record: ConnectionRecord): LatencyCard {
  const card = create('section', 'card')
  const title = create('h3', '', 'Latency')
  title.id = 'latency-title'
  card.setAttribute('aria-labelledby', title.id)
  const list = create('dl', 'latency')
  const labels = [
    ...LATENCY_LIMITS_MS.map((limit) => `< ${limit} ms`),
    `\u2265 ${LATENCY_LIMITS_MS.at(-1)} ms`,
  ]
  const rows = labels.map((label) => {
    const row = create('div', 'latency-row')
    const bar = create('span', 'latency-bar')
    const count = create('span', 'latency-count', '0')
    const value = create('dd')
    value.append(bar, count)
    row.append(create('dt', '', label), value)
    list.append(row)
    return { bar, count }
  })
  card.append(
    title,
    create(
      'p',
      'lead',
      'From an event\u2019s making to its arrival here, less the difference of the two clocks. That is estimated by the event with the shortest way, so the fastest one counts as 0 ms.',
    ),
    list,
  )
  return {
    element: card,
    draw() {
      const total = record.latencies.reduce((sum, count) => sum + count, 0)
      const most = Math.max(1, ...record.latencies)
      for (const [index, { bar, count }] of rows.entries()) {
        const value = record.latencies[index] ?? 0
        bar.style.width = `${(value / most) * 100}%`
        count.textContent =
          value === 0 ? '0' : `${formatCount(value)} (${formatShare(value / Math.max(1, total))})`
      }
    },
  }
}
