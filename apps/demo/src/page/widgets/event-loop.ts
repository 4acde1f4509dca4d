import { formatDuration, formatShare } from '../format.ts'
import type { Theme } from '../theme.ts'
import { createChartWidget } from './widget.ts'
import type { Widget } from './widget.ts'

export function createEventLoopWidget(theme: Theme): Widget<'process.event-loop'> {
  return createChartWidget(
    {
      title: 'Event-loop delay',
      topic: 'process.event-loop',
      series: [
        { label: 'Worst', color: '--series-3', filled: true },
        { label: 'Median', color: '--series-1', width: 2 },
      ],
      format: formatDuration,
      atLeast: 4,
      toPoint: ({ worstMs, medianMs, utilization }) => ({
        values: [worstMs, medianMs],
        headline: `${formatDuration(worstMs)}, ${formatShare(utilization)} busy`,
      }),
    },
    theme,
  )
}
