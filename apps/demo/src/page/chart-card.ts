import uPlot from 'uplot'
import { TOPIC_INTERVAL_MS } from '../samples.ts'
import type { DemoTopic } from '../samples.ts'
import { create } from './element.ts'
import { formatClock, formatRate } from './format.ts'
import type { Theme } from './theme.ts'

/** How much time a chart shows at most. */
export const MAX_WINDOW_MS = 600_000
/** Beyond the left edge, so that lines leave the chart instead of ending in it. */
const KEPT_MS = MAX_WINDOW_MS + 10_000
/** A time at the right edge that would be cut in two is left out. */
const TIME_LABEL_HALF_WIDTH = 30
const HEIGHT = 176

export interface SeriesOptions {
  label: string
  /** A CSS colour, or the name of a custom property that holds one. */
  color: string
  /** Shades the area below the line. */
  filled?: boolean
  /** CSS pixels; default 1.5. */
  width?: number
  /** Absent from the legend: one of many of a kind. */
  unlisted?: boolean
}

export interface ChartOptions {
  title: string
  topic: DemoTopic
  series: readonly SeriesOptions[]
  /** For the legend and the axis. */
  format: (value: number) => string
  /** What the axis reaches to; default: what the values need, but at least `atLeast`. */
  top?: (() => number) | undefined
  atLeast?: number
  /** Where the axis has its lines; default: at round numbers. */
  lines?: (() => number[]) | undefined
  /** Takes two columns where there are some. */
  wide?: boolean
}

/** The time that all charts show alike. */
export interface ChartWindow {
  serverNowMs: number
  widthMs: number
}

/** One chart with its title, its figure, its legend, in a card of its own. */
export interface ChartCard {
  readonly element: HTMLElement
  /** Adds a sample: one value for each series. */
  push(atMs: number, values: readonly number[], headline: string): void
  /** Nothing is known between the last sample and the next: the lines break. */
  breakLines(): void
  /** Says in words why there is nothing to draw. */
  showUnavailable(reason: string): void
  /** The time of the oldest sample; undefined without samples. */
  readonly beginsAtMs: number | undefined
  /** Draws the time up to now, by the server's clock. */
  draw(window: ChartWindow): void
}

export function createChartCard(options: ChartOptions, theme: Theme): ChartCard {
  const { topic, series, format } = options
  const intervalMs = TOPIC_INTERVAL_MS[topic]
  const card = create('section', 'card chart')
  if (options.wide === true) card.classList.add('chart-wide')
  const title = create('h3', '', options.title)
  title.id = `title-${topic.replaceAll('.', '-')}`
  card.setAttribute('aria-labelledby', title.id)
  const head = create('div', 'card-head')
  head.append(title, create('code', 'rate', `${topic}, ${formatRate(1000 / intervalMs)}`))
  const headline = create('p', 'headline', '\u2013')
  const plotArea = create('div', 'plot')
  plotArea.setAttribute('role', 'img')
  plotArea.setAttribute('aria-label', `${options.title}: waiting for the first figures`)
  const legend = create('dl', 'legend')
  const note = create('p', 'unavailable')
  note.hidden = true
  card.append(head, headline, plotArea, note, legend)

  const legendValues = series.map((each) => {
    if (each.unlisted === true) return undefined
    const item = create('div', 'legend-item')
    const swatch = create('span', 'swatch')
    swatch.style.background = each.color.startsWith('--') ? `var(${each.color})` : each.color
    const label = create('dt')
    label.append(swatch, each.label)
    const value = create('dd', '', '\u2013')
    item.append(label, value)
    legend.append(item)
    return value
  })

  const times: number[] = []
  const columns: (number | null)[][] = series.map(() => [])
  let plot: uPlot | undefined
  let isVisible = false
  let wasDrawn = false
  let breaksNext = false

  const colorOf = (each: SeriesOptions): string =>
    each.color.startsWith('--') ? theme.color(each.color) : each.color

  const drawnAs = (each: SeriesOptions): uPlot.Series => {
    const drawn = {
      label: each.label,
      stroke: () => colorOf(each),
      width: each.width ?? 1.5,
      points: { show: false },
    }
    return each.filled === true ? { ...drawn, fill: () => translucent(colorOf(each)) } : drawn
  }

  function createPlot(width: number): uPlot {
    const axis = { stroke: () => theme.color('--ink-3'), font: theme.font, ticks: { show: false } }
    return new uPlot(
      {
        width,
        height: HEIGHT,
        legend: { show: false },
        padding: [8, 0, 0, 0],
        cursor: {
          y: false,
          drag: { x: false, y: false },
          sync: { key: 'time', setSeries: false, scales: ['x', null] },
          points: { size: 7, width: 2 },
        },
        scales: {
          x: { time: true },
          y: {
            range: (_, _min, max) => [0, options.top?.() ?? roundUp(Math.max(max, options.atLeast ?? 1))],
          },
        },
        axes: [
          {
            ...axis,
            size: 26,
            gap: 6,
            space: 84,
            incrs: [15, 30, 60, 120, 300],
            grid: { show: false },
            values: (self, splits) =>
              splits.map((second) => (fitsRight(self, second) ? formatClock(second * 1000) : '')),
          },
          {
            ...axis,
            size: 66,
            gap: 8,
            space: 38,
            grid: { stroke: () => theme.color('--grid'), width: 1 },
            values: (_, splits) => splits.map(format),
            ...(options.lines !== undefined && { splits: options.lines }),
          },
        ],
        series: [{}, ...series.map(drawnAs)],
      },
      [times, ...columns],
      plotArea,
    )
  }

  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0)
    if (width === 0) return
    if (plot === undefined) plot = createPlot(width)
    else if (plot.width !== width) plot.setSize({ width, height: HEIGHT })
  }).observe(plotArea)
  // A hidden chart is not drawn.
  new IntersectionObserver(
    ([entry]) => {
      isVisible = entry?.isIntersecting ?? false
    },
    { rootMargin: '160px' },
  ).observe(card)
  theme.onChange(() => plot?.redraw(false, true))

  function showLegend(index: number): void {
    for (const [at, element] of legendValues.entries()) {
      const value = columns[at]?.[index]
      const text = value == null ? '\u2013' : format(value)
      if (element !== undefined && element.textContent !== text) element.textContent = text
    }
  }

  function trim(): void {
    const oldest = (times.at(-1) ?? 0) - KEPT_MS / 1000
    // Moving the rest costs more than keeping a few too many.
    if ((times[0] ?? Infinity) > oldest - 10) return
    const count = times.findIndex((time) => time >= oldest)
    times.splice(0, count)
    for (const column of columns) column.splice(0, count)
  }

  return {
    element: card,
    push(atMs, values, text) {
      const second = atMs / 1000
      // Replay and live events come in order; should a clock have been set back, a line cannot run backwards.
      if (second <= (times.at(-1) ?? 0)) return
      if (breaksNext && times.length > 0) {
        times.push(((times.at(-1) ?? second) + second) / 2)
        for (const column of columns) column.push(null)
      }
      breaksNext = false
      times.push(second)
      for (const [index, column] of columns.entries()) column.push(values[index] ?? null)
      trim()
      note.hidden = true
      plotArea.hidden = false
      legend.hidden = false
      headline.textContent = text
      plotArea.setAttribute('aria-label', `${options.title}, the last minutes. Now ${text}`)
    },
    breakLines() {
      breaksNext = true
    },
    showUnavailable(reason) {
      note.textContent = `Not available on this platform. ${reason}`
      note.hidden = false
      plotArea.hidden = true
      legend.hidden = true
      headline.textContent = '\u2013'
    },
    get beginsAtMs() {
      const [first] = times
      return first === undefined ? undefined : first * 1000
    },
    draw({ serverNowMs, widthMs }) {
      if (plot === undefined || times.length === 0 || (wasDrawn && !isVisible)) return
      wasDrawn = true
      // The newest sample stays just beyond the right edge, so that the line glides in and never jumps.
      const max = (serverNowMs - intervalMs - 150) / 1000
      const shown = plot
      shown.batch(() => {
        shown.setData([times, ...columns], false)
        shown.setScale('x', { min: max - widthMs / 1000, max })
      })
      showLegend(shown.cursor.idx ?? times.length - 1)
    },
  }
}

function fitsRight(plot: uPlot, second: number): boolean {
  return plot.valToPos(second, 'x') < plot.over.clientWidth - TIME_LABEL_HALF_WIDTH
}

/** The next of 1, 2, 2.5, 5 times a power of ten: axes that do not twitch with every sample. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= value * 1.05) ?? 20
  return step * power
}

function translucent(color: string): string {
  return `color-mix(in srgb, ${color} 16%, transparent)`
}
