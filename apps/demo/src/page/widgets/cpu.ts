import { createChartCard } from '../chart-card.ts'
import type { ChartCard, SeriesOptions } from '../chart-card.ts'
import { formatShare } from '../format.ts'
import type { Theme } from '../theme.ts'
import { isUnavailable } from './widget.ts'
import type { Widget } from './widget.ts'

/** Beyond so many cores, a legend would be longer than its chart. */
const MAX_LISTED_CORES = 8
const TOPIC = 'machine.cpu'

/** A line for each core, and their mean. How many cores there are is known with the first sample. */
export function createCpuWidget(theme: Theme): Widget<typeof TOPIC> {
  let cores = 0
  let card = createCard(1, theme)
  const holder = document.createElement('div')
  holder.className = 'chart-holder chart-wide'
  holder.append(card.element)

  return {
    topic: TOPIC,
    element: holder,
    take(sample) {
      if (isUnavailable(sample)) {
        card.showUnavailable(sample.unavailable)
        return
      }
      if (sample.busy.length !== cores) {
        cores = sample.busy.length
        card = createCard(cores, theme)
        holder.replaceChildren(card.element)
      }
      const mean = sample.busy.reduce((sum, share) => sum + share, 0) / cores
      card.push(sample.at, [mean, ...sample.busy], formatShare(mean))
    },
    breakLines: () => card.breakLines(),
    get beginsAtMs() {
      return card.beginsAtMs
    },
    draw: (window) => card.draw(window),
  }
}

function createCard(cores: number, theme: Theme): ChartCard {
  const lines = Array.from({ length: cores }, (_, core): SeriesOptions => {
    // From blue over violet to orange, so that neighbours differ, and none has the mean's green.
    const hue = Math.round(230 + (core * 180) / Math.max(1, cores - 1)) % 360
    return {
      label: `Core ${core}`,
      color: `oklch(0.68 0.13 ${hue})`,
      width: 1.2,
      unlisted: cores > MAX_LISTED_CORES,
    }
  })
  return createChartCard(
    {
      title: cores > 1 ? `Processor, ${cores} cores` : 'Processor',
      topic: TOPIC,
      series: [{ label: 'Mean', color: '--accent', filled: true, width: 2 }, ...lines],
      format: formatShare,
      top: () => 1,
      lines: () => [0, 0.25, 0.5, 0.75, 1],
    },
    theme,
  )
}
