import { formatByteRate } from '../format.ts'
import type { Theme } from '../theme.ts'
import { createChartWidget } from './widget.ts'
import type { Widget } from './widget.ts'

export function createDiskWidget(theme: Theme): Widget<'machine.disk'> {
  return createChartWidget(
    {
      title: 'Disks',
      topic: 'machine.disk',
      series: [
        { label: 'Read', color: '--series-1', width: 2 },
        { label: 'Written', color: '--series-3', filled: true, width: 2 },
      ],
      format: formatByteRate,
      atLeast: 1000,
      toPoint: ({ read, written }) => ({ values: [read, written], headline: formatByteRate(read + written) }),
    },
    theme,
  )
}
