import type { DemoEvents, DemoTopic, Unavailable } from '../../samples.ts'
import { createChartCard } from '../chart-card.ts'
import type { ChartCard, ChartOptions, ChartWindow } from '../chart-card.ts'
import type { Theme } from '../theme.ts'

/** Shows a topic's events on the page. */
export interface Widget<Topic extends DemoTopic = DemoTopic> {
  readonly topic: Topic
  readonly element: HTMLElement
  take(sample: DemoEvents[Topic]): void
  breakLines(): void
  readonly beginsAtMs: number | undefined
  draw(window: ChartWindow): void
}

/** A sample as a chart needs it. */
export interface Point {
  readonly values: readonly number[]
  /** The one figure worth reading from across the room. */
  readonly headline: string
}

export function isUnavailable(sample: object): sample is Unavailable {
  return 'unavailable' in sample
}

/** A widget that is one chart, whose series are known from the beginning. */
export function createChartWidget<Topic extends DemoTopic>(
  options: ChartOptions & {
    topic: Topic
    toPoint: (sample: Exclude<DemoEvents[Topic], Unavailable>) => Point
  },
  theme: Theme,
): Widget<Topic> {
  const card: ChartCard = createChartCard(options, theme)
  return {
    topic: options.topic,
    element: card.element,
    take(sample) {
      if (isUnavailable(sample)) {
        card.showUnavailable(sample.unavailable)
        return
      }
      const { values, headline } = options.toPoint(sample as Exclude<DemoEvents[Topic], Unavailable>)
      card.push(sample.at, values, headline)
    },
    breakLines: () => card.breakLines(),
    get beginsAtMs() {
      return card.beginsAtMs
    },
    draw: (window) => card.draw(window),
  }
}
