import { Counter, Gauge } from '@prometheus-io/client'
import type { Registry } from '@prometheus-io/client'
import type { Hub } from '../hub/hub.ts'
import type { HubStats } from '../hub/hub-stats.ts'
import type { EventLog } from '../log/event-log.ts'

/** Options of {@link registerHubMetrics}. */
export interface HubMetricsOptions {
  /** Where the metrics go. */
  readonly registry: Registry
  /** What their names begin with. @defaultValue `sse_hub_` */
  readonly prefix?: string | undefined
  /** The hub's log, if its figures are to be shown, too: those of its `stats()` that are numbers. */
  readonly log?: Pick<EventLog, 'stats'> | undefined
}

/**
 * Shows a hub's {@link HubStats} to Prometheus. They are read when Prometheus asks, and cost nothing until then.
 *
 *     sse_hub_connections                                    sse_hub_published_events_total
 *     sse_hub_topics                                         sse_hub_delivered_events_total
 *     sse_hub_running_producers                              sse_hub_delivered_bytes_total
 *     sse_hub_buffered_bytes                                 sse_hub_replayed_events_total
 *     sse_hub_publish_lag_seconds{quantile="0.5|0.99|1"}     sse_hub_gaps_total
 *     sse_hub_opened_connections_total                       sse_hub_closed_connections_total{reason="..."}
 *     sse_hub_refused_subscriptions_total{status="..."}      sse_hub_log{figure="..."}
 *
 * `@prometheus-io/client` is a peer dependency of this entry point alone.
 *
 * @throws the registry's error if it has metrics of these names.
 * @example
 * ```ts
 * import { Registry } from '@prometheus-io/client'
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { registerHubMetrics } from '@sse-toolkit/sse-server/prometheus'
 *
 * const hub = createHub()
 * const registry = new Registry()
 * registerHubMetrics(hub, { registry })
 * console.log(await registry.metrics())
 * await hub.close()
 * ```
 */
export function registerHubMetrics(
  hub: Pick<Hub, 'stats'>,
  { registry, prefix = 'sse_hub_', log }: HubMetricsOptions,
): void {
  // All metrics of one scrape are of one moment, and the connections are gone through once for all of them.
  let current: HubStats | undefined
  const stats = (): HubStats => {
    if (current === undefined) {
      current = hub.stats()
      queueMicrotask(() => {
        current = undefined
      })
    }
    return current
  }
  const registers = [registry]

  const gauge = (name: string, help: string, read: (stats: HubStats) => number): void => {
    void new Gauge({
      name: prefix + name,
      help,
      registers,
      collect() {
        this.set(read(stats()))
      },
    })
  }
  gauge('connections', 'Connections that are open.', ({ connections }) => connections)
  gauge('topics', 'Topics and patterns that somebody subscribes to.', ({ topics }) => topics)
  gauge('running_producers', 'Finite topics whose producers run here.', ({ running }) => running)
  gauge('buffered_bytes', 'Bytes that wait for connections.', ({ bufferedBytes }) => bufferedBytes)
  gauge('replay_bytes', 'Data read of the log that waits for connections.', ({ replayBytes }) => replayBytes)

  // The hub counts since it was created; a counter can only be set by resetting it first.
  const counter = (name: string, help: string, read: (stats: HubStats) => number): void => {
    void new Counter({
      name: `${prefix}${name}_total`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read(stats()))
      },
    })
  }
  counter('published_events', 'Events that were published here.', ({ published }) => published)
  counter(
    'delivered_events',
    'Events sent to connections, with those of replay.',
    ({ delivered }) => delivered,
  )
  counter('delivered_bytes', 'Bytes of events sent to connections.', ({ deliveredBytes }) => deliveredBytes)
  counter('replayed_events', 'Events sent to connections in replay.', ({ replayed }) => replayed)
  counter('gaps', 'Gaps that were announced to readers.', ({ gaps }) => gaps)
  counter('opened_connections', 'Connections that were opened.', ({ opened }) => opened)

  const counters = (
    name: string,
    label: string,
    help: string,
    read: (stats: HubStats) => Readonly<Record<string, number>>,
  ): void => {
    void new Counter({
      name: `${prefix}${name}_total`,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset()
        for (const [value, count] of Object.entries(read(stats()))) this.inc({ [label]: value }, count)
      },
    })
  }
  counters('closed_connections', 'reason', 'Connections that are gone, by why.', ({ closed }) => closed)
  counters(
    'refused_subscriptions',
    'status',
    'Subscriptions that were refused, by status.',
    ({ refused }) => refused,
  )

  void new Gauge({
    name: `${prefix}publish_lag_seconds`,
    help: 'Time from publish to the hand-over to all connections, of the last 1024 events.',
    labelNames: ['quantile'],
    registers,
    collect() {
      const { p50, p99, max } = stats().publishLagMs
      for (const [quantile, lagMs] of Object.entries({ '0.5': p50, '0.99': p99, '1': max })) {
        this.set({ quantile }, lagMs / 1000)
      }
    },
  })

  if (log?.stats === undefined) return
  void new Gauge({
    name: `${prefix}log`,
    help: 'What the log says of itself, by the name of the figure.',
    labelNames: ['figure'],
    registers,
    collect() {
      for (const [figure, value] of Object.entries(log.stats?.() ?? {})) {
        if (typeof value === 'number') this.set({ figure }, value)
      }
    },
  })
}
