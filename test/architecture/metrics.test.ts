import { Registry } from '@prometheus-io/client'
import { createHub } from '@sse-toolkit/sse-server'
import { registerHubMetrics } from '@sse-toolkit/sse-server/prometheus'
import { describe, expect, it } from 'vitest'
import { filesBelow, readSource } from './source-files.ts'

// docs/reference/metrics.md must list every figure that a hub reports.

const page = readSource('docs/reference/metrics.md')

/** The first cells of the table under a heading. */
function rowsOf(heading: string): readonly string[] {
  const [, section = ''] = page.split(`## ${heading}\n`)
  const [text = ''] = section.split(/^## /m)
  return [...text.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name)
}

describe('docs/reference/metrics.md', () => {
  it('has each figure of stats() and inspect(), in their order', async () => {
    const hub = createHub()
    expect(rowsOf('`hub.stats()`')).toEqual(Object.keys(hub.stats()))
    expect(rowsOf('`hub.inspect()`').toSorted()).toEqual(Object.keys(hub.inspect()).toSorted())
    await hub.close()
  })

  it('has each metric of Prometheus', async () => {
    const hub = createHub()
    const registry = new Registry()
    registerHubMetrics(hub, { registry, log: { stats: () => ({ events: 1 }) } })
    const names = [...(await registry.metrics()).matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name)
    expect(rowsOf('Prometheus').toSorted()).toEqual(names.toSorted())
    await hub.close()
  })

  it('has each diagnostics channel', () => {
    const sources = filesBelow('packages').filter((path) => path.includes('/src/') && path.endsWith('.ts'))
    const text = sources.map(readSource).join('\n')
    const names = [...text.matchAll(/(?:\bchannel\(|ChannelName = )\s*'(sse-toolkit[^']+)'/g)].map(
      ([, name = '']) => name,
    )
    expect(names.length).toBeGreaterThan(4)
    expect(rowsOf('`diagnostics_channel`').toSorted()).toEqual(names.toSorted())
  })
})
