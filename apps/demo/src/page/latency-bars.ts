import { create } from './element.ts'
import { formatCount, formatDuration, formatShare } from './format.ts'

/** How many took how long, as bars that are text as well. */
export interface LatencyBars {
  readonly element: HTMLElement
  /** @param counts - Below each limit, and not below the one before; and, last, beyond the last one. */
  draw(counts: readonly number[]): void
}

export function createLatencyBars(limitsMs: readonly number[]): LatencyBars {
  const list = create('dl', 'latency')
  const labels = [
    ...limitsMs.map((limitMs) => `< ${shortly(limitMs)}`),
    `\u2265 ${shortly(limitsMs.at(-1) ?? 0)}`,
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
  return {
    element: list,
    draw(counts) {
      const total = counts.reduce((sum, count) => sum + count, 0)
      const most = Math.max(1, ...counts)
      for (const [index, { bar, count }] of rows.entries()) {
        const value = counts[index] ?? 0
        bar.style.width = `${(value / most) * 100}%`
        const text = value === 0 ? '0' : `${formatCount(value)} (${formatShare(value / Math.max(1, total))})`
        if (count.textContent !== text) count.textContent = text
      }
    },
  }
}

function shortly(limitMs: number): string {
  return formatDuration(limitMs).replace('.0 s', ' s')
}
