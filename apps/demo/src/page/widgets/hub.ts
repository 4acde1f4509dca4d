import { formatRate } from '../format.ts'
import type { Theme } from '../theme.ts'
import { createChartWidget } from './widget.ts'
import type { Widget } from './widget.ts'

export function createHubWidget(theme: Theme): Widget<'hub.stats'> {
  return createChartWidget(
    {
      title: 'Hub',
      topic: 'hub.stats',
      series: [
        { label: 'Delivered', color: '--accent', filled: true, width: 2 },
        { label: 'Published', color: '--series-4' },
      ],
      format: formatRate,
      atLeast: 10,
      toPoint: ({ connections, delivered, published }) => ({
        values: [delivered, published],
        headline: `${connections} ${connections === 1 ? 'connection' : 'connections'}`,
      }),
    },
    theme,
  )
}
