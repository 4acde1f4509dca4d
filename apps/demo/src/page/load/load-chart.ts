import uPlot from 'uplot'
import { RUN_MS } from '../../load/load-figures.ts'
import { create } from '../element.ts'
import type { Theme } from '../theme.ts'

/** A chart over one run: from its first second to its last. */
export interface LoadChart {
  readonly element: HTMLElement
  push(atMs: number, values: readonly number[]): void
  clear(): void
  /** Draws these from now on, and forgets what it has drawn of others. */
  useSeries(series: readonly LoadSeries[]): void
}

export interface LoadSeries {
  readonly label: string
  /** A custom property. */
  readonly color: string
}

export interface LoadChartOptions {
  readonly title: string
  readonly series: readonly LoadSeries[]
  readonly format: (value: number) => string
}

const HEIGHT = 176

export function createLoadChart(options: LoadChartOptions, theme: Theme): LoadChart {
  const { title, format } = options
  const element = create('section', 'card chart')
  const area = create('div', 'plot')
  area.setAttribute('role', 'img')
  area.setAttribute('aria-label', title)
  const legend = create('dl', 'legend')
  element.append(create('h3', '', title), area, legend)
  const times: number[] = []
  let series: readonly LoadSeries[] = []
  let values: readonly HTMLElement[] = []
  let columns: readonly number[][] = []
  let plot: uPlot | undefined

  const draw = (): void => plot?.setData([times, ...columns])

  function createPlot(width: number): uPlot {
    const axis = { stroke: () => theme.color('--ink-3'), font: theme.font, ticks: { show: false } }
    return new uPlot(
      {
        width,
        height: HEIGHT,
        legend: { show: false },
        padding: [8, 16, 0, 0],
        cursor: { show: false },
        scales: {
          x: { time: false, range: () => [0, RUN_MS / 1_000] },
          y: { range: (_, _min, max) => [0, Math.max(max * 1.15, Number.MIN_VALUE)] },
        },
        axes: [
          {
            ...axis,
            size: 26,
            gap: 6,
            grid: { show: false },
            values: (_, splits) => splits.map((at) => `${at} s`),
          },
          {
            ...axis,
            size: 72,
            gap: 8,
            space: 38,
            grid: { stroke: () => theme.color('--grid'), width: 1 },
            values: (_, splits) => splits.map(format),
          },
        ],
        series: [
          {},
          ...series.map(({ label, color }) => ({
            label,
            stroke: () => theme.color(color),
            width: 2,
            points: { show: false },
          })),
        ],
      },
      [times, ...columns],
      area,
    )
  }

  function useSeries(next: readonly LoadSeries[]): void {
    series = next
    times.length = 0
    columns = series.map(() => [])
    values = series.map(() => create('dd', '', '\u2013'))
    legend.replaceChildren(
      ...series.map(({ label, color }, index) => {
        const item = create('div', 'legend-item')
        const swatch = create('span', 'swatch')
        swatch.style.background = `var(${color})`
        const name = create('dt')
        name.append(swatch, label)
        item.append(name, values[index] ?? '')
        return item
      }),
    )
    if (plot === undefined) return
    const { width } = plot
    plot.destroy()
    plot = createPlot(width)
  }

  useSeries(options.series)
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0)
    if (width === 0) return
    if (plot === undefined) plot = createPlot(width)
    else if (plot.width !== width) plot.setSize({ width, height: HEIGHT })
  }).observe(area)
  theme.onChange(() => plot?.redraw(false, true))

  return {
    element,
    useSeries,
    push(atMs, latest) {
      times.push(atMs / 1_000)
      for (const [index, column] of columns.entries()) column.push(latest[index] ?? 0)
      for (const [index, value] of values.entries()) value.textContent = format(latest[index] ?? 0)
      draw()
    },
    clear() {
      times.length = 0
      for (const column of columns) column.length = 0
      for (const value of values) value.textContent = '\u2013'
      draw()
    },
  }
}
