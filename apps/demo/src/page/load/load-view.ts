import { createEventSource } from '@sse-toolkit/event-source-client'
import {
  LOAD_LATENCY_LIMITS_MS,
  MAX_CLIENTS,
  MAX_DELIVERIES_PER_SECOND,
  MAX_RATE,
  RUN_MS,
} from '../../load/load-figures.ts'
import type { LoadEnd, LoadFigures } from '../../load/load-figures.ts'
import { create } from '../element.ts'
import { formatCount, formatDuration, formatMemory, formatRate, formatShare } from '../format.ts'
import { createLatencyBars } from '../latency-bars.ts'
import { createExplainingFetch } from '../refusal.ts'
import type { View, ViewContext } from '../view.ts'
import { createLoadChart } from './load-chart.ts'
import type { LoadSeries } from './load-chart.ts'

const ENDS: Readonly<Record<LoadEnd['reason'], string>> = {
  time: 'The minute is over.',
  stopped: 'Stopped.',
  failed: 'The client process ended, or the hub failed: see the server’s output.',
  'server-closed': 'The server was stopped.',
}

/** Of the processes: as many as the demo starts at most. */
const NODE_COLORS = [
  '--accent',
  '--series-1',
  '--series-3',
  '--series-2',
  '--series-4',
  '--good',
  '--missing',
  '--caught-up',
] as const

/** Puts thousands of clients on the server, and draws what that costs. */
export function createLoadView({ theme }: ViewContext): View {
  const element = create('section', 'load')
  element.setAttribute('aria-labelledby', 'load-title')
  const form = create('form', 'card load-form')
  const title = create('h2', '', 'Put a load on the server')
  title.id = 'load-title'
  const clients = numberField('Clients', 500, MAX_CLIENTS)
  const rate = numberField('Events a second', 20, MAX_RATE)
  const start = create('button', 'fault-button button-start', 'Start')
  const stop = create('button', 'plain-button button-stop', 'Stop')
  stop.type = 'button'
  stop.setAttribute('aria-disabled', 'true')
  const status = create('p', 'load-status', 'No load yet.')
  status.setAttribute('role', 'status')
  const row = create('div', 'load-row')
  row.append(clients.element, rate.element, start, stop)
  form.append(
    title,
    create(
      'p',
      'lead',
      `A second process opens the connections over loopback and measures each delivery, from publish to socket. ` +
        `With several nodes, one publishes, and the clients are spread over all of them. ` +
        `It ends after ${RUN_MS / 1_000} seconds, or when you leave this view. On one machine, the clients cost more than the server.`,
    ),
    row,
    status,
  )
  const charts = {
    deliveries: createLoadChart(
      { title: 'Deliveries by process', series: seriesOf(1), format: formatRate },
      theme,
    ),
    latency: createLoadChart(
      {
        title: 'Latency',
        series: [
          { label: 'Median', color: '--accent' },
          { label: '99th percentile', color: '--series-3' },
        ],
        format: formatDuration,
      },
      theme,
    ),
    cpu: createLoadChart(
      {
        title: 'Processor, of one core',
        series: [
          { label: 'Server', color: '--accent' },
          { label: 'Clients', color: '--series-4' },
        ],
        format: formatShare,
      },
      theme,
    ),
    memory: createLoadChart(
      {
        title: 'Memory',
        series: [
          { label: 'Server', color: '--accent' },
          { label: 'Clients', color: '--series-4' },
        ],
        format: formatMemory,
      },
      theme,
    ),
  }
  const histogram = createLatencyBars(LOAD_LATENCY_LIMITS_MS)
  const histogramCard = create('section', 'card load-histogram')
  histogramCard.append(create('h3', '', 'Deliveries by latency'), histogram.element)
  element.append(
    form,
    charts.deliveries.element,
    charts.latency.element,
    histogramCard,
    charts.cpu.element,
    charts.memory.element,
  )
  let nodes = 1
  let end: (() => void) | undefined

  function begin(): void {
    end?.()
    for (const chart of Object.values(charts)) chart.clear()
    histogram.draw([])
    const wanted = clients.control.valueAsNumber
    const explaining = createExplainingFetch()
    const stream = createEventSource('/load', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ clients: wanted, rate: rate.control.valueAsNumber }),
      data: 'json',
      reconnection: { maxAttempts: 0 },
      fetch: explaining.fetch,
    })
    status.textContent = 'Starting the clients.'
    stop.setAttribute('aria-disabled', 'false')
    end = () => stream.close()
    let last = ''
    stream.on('figures', ({ data }) => {
      const figures = data as LoadFigures
      draw(figures)
      last = describe(figures, wanted)
      status.textContent = last
    })
    stream.on('ended', ({ data }) => {
      last = `${ENDS[(data as LoadEnd).reason]} ${last}`
      stream.close()
    })
    stream.onStatus((now) => {
      if (now.state !== 'closed') return
      end = undefined
      stop.setAttribute('aria-disabled', 'true')
      status.textContent =
        explaining.refusal ?? (now.cause === undefined ? last || 'Stopped.' : now.cause.message)
    })
  }

  function draw(figures: LoadFigures): void {
    const { atMs, p50Ms, p99Ms, server, worker } = figures
    if (figures.nodes.length !== nodes) {
      nodes = figures.nodes.length
      charts.deliveries.useSeries(seriesOf(nodes))
    }
    charts.deliveries.push(
      atMs,
      figures.nodes.map((node) => node.deliveriesPerSecond),
    )
    histogram.draw(figures.latencies)
    charts.latency.push(atMs, [p50Ms, p99Ms])
    charts.cpu.push(atMs, [server.cpu, worker.cpu])
    charts.memory.push(atMs, [server.residentBytes, worker.residentBytes])
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const deliveries = clients.control.valueAsNumber * rate.control.valueAsNumber
    if (deliveries > MAX_DELIVERIES_PER_SECOND)
      status.textContent = `${formatCount(deliveries)} deliveries a second are too many: at most ${formatCount(MAX_DELIVERIES_PER_SECOND)}.`
    else begin()
  })
  stop.addEventListener('click', () => end?.())

  return {
    path: 'load',
    title: 'Load',
    element,
    show() {},
    hide: () => end?.(),
  }
}

function seriesOf(nodes: number): readonly LoadSeries[] {
  return Array.from({ length: nodes }, (_, index) => ({
    label: nodes === 1 ? 'This process' : `Node ${index + 1}`,
    color: NODE_COLORS[index % NODE_COLORS.length] ?? '--accent',
  }))
}

function describe({ connected, failed, published, deliveries, nodes }: LoadFigures, wanted: number): string {
  return [
    `${formatCount(connected)} of ${formatCount(wanted)} clients connected`,
    ...(nodes.length === 1
      ? []
      : [`${nodes.map((node) => formatCount(node.connected)).join(' + ')} by node`]),
    ...(failed === 0 ? [] : [`${formatCount(failed)} failed`]),
    `${formatCount(published)} events published`,
    `${formatCount(deliveries)} deliveries`,
  ].join(' \u00B7 ')
}

function numberField(
  label: string,
  value: number,
  max: number,
): { element: HTMLElement; control: HTMLInputElement } {
  const element = create('label', 'load-label')
  const control = create('input')
  Object.assign(control, { type: 'number', min: '1', max: String(max), required: true, value: String(value) })
  element.append(create('span', '', `${label} (1 to ${formatCount(max)})`), control)
  return { element, control }
}
