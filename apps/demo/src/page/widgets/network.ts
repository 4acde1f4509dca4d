import { formatByteRate } from '../format.ts'
import type { Theme } from '../theme.ts'
import { createChartWidget } from './widget.ts'
import type { Widget } from './widget.ts'

export function createNetworkWidget(theme: Theme): Widget<'machine.network'> {
  return createChartWidget(
    {
      title: 'Network',
      topic: 'machine.network',
      series: [
        { label: 'Received', color: '--series-1', width: 2 },
        { label: 'Sent', color: '--series-3', width: 2 },
        { label: 'Loopback', color: '--series-4' },
      ],
      format: formatByteRate,
      atLeast: 1000,
      toPoint: ({ received, sent, loopback }) => ({
        values: [received, sent, loopback],
        headline: formatByteRate(received + sent + loopback),
      }),
    },
    theme,
  )
}
