import { formatMemory, formatShare } from '../format.ts'
import type { Theme } from '../theme.ts'
import { createChartWidget } from './widget.ts'
import type { Widget } from './widget.ts'

export function createMemoryWidget(theme: Theme): Widget<'machine.memory'> {
  let totalBytes = 1
  return createChartWidget(
    {
      title: 'Memory',
      topic: 'machine.memory',
      series: [
        { label: 'In use', color: '--series-2', filled: true, width: 2 },
        { label: 'This process', color: '--series-4' },
      ],
      format: formatMemory,
      top: () => totalBytes,
      lines: () => [0, totalBytes / 4, totalBytes / 2, (totalBytes * 3) / 4, totalBytes],
      toPoint(sample) {
        totalBytes = sample.totalBytes
        const used = sample.totalBytes - sample.availableBytes
        return {
          values: [used, sample.processBytes],
          headline: `${formatShare(used / sample.totalBytes)} of ${formatMemory(sample.totalBytes)}`,
        }
      },
    },
    theme,
  )
}
