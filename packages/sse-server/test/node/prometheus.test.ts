import { Registry } from '@prometheus-io/client'
import { describe, expect, it, vi } from 'vitest'
import { registerHubMetrics } from '@sse-toolkit/sse-server/prometheus'
import { createTestHub, publishAll, subscribe } from '../hub-readers.ts'
import { turn } from '../virtual-runtime.ts'

describe('registerHubMetrics', () => {
  it("exports the hub's counters at each scrape", async () => {
    const { hub } = createTestHub({ maxConnections: 2 })
    const registry = new Registry()
    const stats = vi.spyOn(hub, 'stats')
    registerHubMetrics(hub, { registry })
    expect(stats).not.toHaveBeenCalled()
    const reader = await subscribe(hub, { topics: ['a'] })
    await subscribe(hub, { topics: ['a'], patterns: ['b.*'] })
    await hub.subscribe(new Request('http://localhost/'), { topics: ['a'] })
    await publishAll(hub, 'a', '1', '2')
    await turn()
    reader.sink.leave()
    for (let scrape = 0; scrape < 2; scrape += 1) {
      const text = await registry.metrics()
      for (const line of [
        'sse_hub_connections 1',
        'sse_hub_topics 2',
        'sse_hub_published_events_total 2',
        'sse_hub_delivered_events_total 4',
        'sse_hub_opened_connections_total 2',
        'sse_hub_closed_connections_total{reason="client"} 1',
        'sse_hub_closed_connections_total{reason="error"} 0',
        'sse_hub_refused_subscriptions_total{status="503"} 1',
        'sse_hub_publish_lag_seconds{quantile="0.99"} 0',
      ]) {
        expect(text.split('\n')).toContain(line)
      }
    }
    expect(stats).toHaveBeenCalledTimes(2)
  })

  it("exports the log's own figures that are numbers", async () => {
    const { hub } = createTestHub()
    const registry = new Registry()
    let walBytes = 7
    registerHubMetrics(hub, { registry, log: { stats: () => ({ walBytes, path: 'x' }) } })
    expect(await registry.metrics()).toMatch(/^sse_hub_log\{figure="walBytes"\} 7$/m)
    walBytes = 8
    const text = await registry.metrics()
    expect(text).toMatch(/^sse_hub_log\{figure="walBytes"\} 8$/m)
    expect(text).not.toContain('figure="path"')
  })

  it('keeps two hubs apart by prefix', async () => {
    const registry = new Registry()
    const [first, second] = [createTestHub().hub, createTestHub().hub]
    registerHubMetrics(first, { registry, prefix: 'orders_' })
    registerHubMetrics(second, { registry, prefix: 'news_' })
    await publishAll(first, 'a', '1')
    const text = await registry.metrics()
    expect(text).toContain('orders_published_events_total 1')
    expect(text).toContain('news_published_events_total 0')
    expect(() => registerHubMetrics(first, { registry, prefix: 'orders_' })).toThrow(
      'already been registered',
    )
  })
})
