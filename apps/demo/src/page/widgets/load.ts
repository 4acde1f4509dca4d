import type { Theme } from '../theme.ts'
import { createChartWidget } from './widget.ts'
import type { Widget } from './widget.ts'

const format = (load: number): string => load.toFixed(2)

export function createLoadWidget(theme: Theme): Widget<'machine.load'> {
  return createChartWidget(
    {
      title: 'Load',
      topic: 'machine.load',
      series: [
        { label: '1 min', color: '--series-3', width: 2 },
        { label: '5 min', color: '--series-1' },
        { label: '15 min', color: '--series-4' },
      ],
      format,
      toPoint: ({ averages, cores }) => ({
        values: averages,
        headline: `${format(averages[0])} on ${cores} ${cores === 1 ? 'core' : 'cores'}`,
      }),
    },
    theme,
  )
}
