import { Counter, Gauge, Histogram } from '@prometheus-io/client'
import type { Registry } from '@prometheus-io/client'
import { checkMethods } from '../../options/check-options.ts'
import { OptionError } from '../../errors/option-error.ts'
import { textResponse } from '../../response/light-response.ts'
import type { Handler, Middleware } from '../../middleware/middleware.ts'
import { tellStatus } from '../../middleware/tell-status.ts'
import type { Server } from '../lifecycle/server-types.ts'

/** See {@link httpMetrics} and {@link registerServerMetrics}. */
export interface MetricsOptions {
  /** The registry to add the metrics to. */
  readonly registry: Registry
  /** The prefix of the metrics' names. @defaultValue `http_` */
  readonly prefix?: string
}

/** See {@link httpMetrics}. */
export interface HttpMetricsOptions extends MetricsOptions {
  /** Upper bounds of the histogram's buckets, in seconds. @defaultValue 12 buckets from 0.001 to 10 */
  readonly buckets?: readonly number[]
}

const defaultBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * Creates a middleware that counts requests and measures how long handlers take to answer:
 *
 *     http_requests_total{method="GET",route="/rooms/:room",status="200"}
 *     http_request_duration_seconds{...}        until the response begins, because an event stream never ends
 *
 * The label `route` is the pattern of the route, never the path, so that clients cannot create new label values. Unusual
 * methods are counted as `other`. Only this entry point needs the peer dependency `@prometheus-io/client`.
 *
 * @throws the registry's error if the registry already has metrics with these names.
 * @throws {@link OptionError} if `registry` is not a Registry.
 * @example
 * ```ts
 * import { Registry } from '@prometheus-io/client'
 * import { createRouter } from '@sse-toolkit/http-core'
 * import { httpMetrics, metricsHandler } from '@sse-toolkit/http-core/metrics'
 *
 * const registry = new Registry()
 * const router = createRouter()
 * router.use(httpMetrics({ registry }))
 * router.get('/metrics', metricsHandler(registry))
 * const response = await router.fetch(new Request('http://localhost/metrics'))
 * response.status // 200
 * ```
 */
export function httpMetrics(options: HttpMetricsOptions): Middleware {
  const { registry, prefix = 'http_', buckets = defaultBuckets } = options
  checkRegistry(registry)
  const labelNames = ['method', 'route', 'status']
  const registers = [registry]
  const requests = new Counter({
    name: `${prefix}requests_total`,
    help: 'Requests that were answered.',
    labelNames,
    registers,
  })
  const durations = new Histogram({
    name: `${prefix}request_duration_seconds`,
    help: 'Time from the head of the request to the head of its response.',
    labelNames,
    buckets: [...buckets],
    registers,
  })
  return (next) => (request, context) => {
    const observe = (status: number): void => {
      const labels = {
        method: labelledMethods.has(request.method) ? request.method : 'other',
        route: context.route === undefined ? 'none' : String(context.route),
        status: String(status),
      }
      requests.inc(labels)
      durations.observe(labels, context.elapsedMs / 1000)
    }
    return tellStatus(context, () => next(request, context), observe)
  }
}

const labelledMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'QUERY',
])

/**
 * Adds two gauges for a server: `http_connections` and `http_requests_in_flight`, event streams included. Their values are
 * read when Prometheus scrapes the metrics.
 *
 * @throws the registry's error if the registry already has metrics with these names.
 * @throws {@link OptionError} if `registry` is not a Registry.
 */
export function registerServerMetrics(
  server: Pick<Server, 'activeConnections' | 'requestsInFlight'>,
  { registry, prefix = 'http_' }: MetricsOptions,
): void {
  checkRegistry(registry)
  const gauge = (name: string, help: string, read: () => number): void => {
    void new Gauge({
      name: prefix + name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  }
  gauge('connections', 'Connections that are open, idle ones included.', () => server.activeConnections)
  gauge('requests_in_flight', 'Requests whose response has not ended.', () => server.requestsInFlight)
}

/**
 * Creates a handler that answers with all metrics of a registry, in the format that Prometheus reads.
 *
 * @throws {@link OptionError} if `registry` is not a Registry.
 */
export function metricsHandler(registry: Registry): Handler {
  checkRegistry(registry)
  return async () =>
    textResponse(await registry.metrics(), { headers: { 'content-type': registry.contentType } })
}

function checkRegistry(registry: unknown): void {
  if (registry === undefined) throw new OptionError('registry', registry, 'a Registry')
  checkMethods('registry', registry, ['registerMetric', 'metrics'], 'a Registry')
}
