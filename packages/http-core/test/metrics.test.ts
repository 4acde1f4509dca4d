import { Registry } from '@prometheus-io/client'
import { describe, expect, it } from 'vitest'
import { HttpError, createRouter, textResponse } from '../src/index.ts'
import { accessLog } from '../src/middleware/access-log.ts'
import type { AccessRecord } from '../src/middleware/access-log.ts'
import { httpMetrics, metricsHandler, registerServerMetrics } from '../src/node/metrics/metrics.ts'
import { serving } from './serving.ts'

describe('metrics', () => {
  it('count requests and time them, by method, route and status', async () => {
    const registry = new Registry()
    const router = createRouter()
    let now = 0
    router.use(httpMetrics({ registry }))
    router.get('/rooms/:room', async () => {
      now += 30
      return textResponse('x')
    })
    router.get('/refused', () => {
      throw new HttpError(403)
    })
    router.get('/fails', () => {
      throw new Error('boom')
    })
    router.get('/metrics', metricsHandler(registry))
    const server = await serving({ fetch: router.fetch, runtime: { now: () => now } })
    registerServerMetrics(server, { registry })
    for (const path of ['/rooms/1', '/rooms/2', '/refused', '/fails', '/none/1', '/none/2']) {
      await (await fetch(server.url + path)).text()
    }
    await (await fetch(`${server.url}/none/3`, { method: 'PROPFIND' })).text()
    const response = await fetch(`${server.url}/metrics`)
    expect(response.headers.get('content-type')).toBe(registry.contentType)
    const text = await response.text()
    for (const line of [
      'http_requests_total{method="GET",route="/rooms/:room",status="200"} 2',
      'http_requests_total{method="GET",route="/refused",status="403"} 1',
      'http_requests_total{method="GET",route="/fails",status="500"} 1',
      'http_requests_total{method="GET",route="none",status="404"} 2',
      'http_requests_total{method="other",route="none",status="404"} 1',
      'http_request_duration_seconds_bucket{le="0.025",method="GET",route="/rooms/:room",status="200"} 0',
      'http_request_duration_seconds_bucket{le="0.05",method="GET",route="/rooms/:room",status="200"} 2',
      'http_request_duration_seconds_sum{method="GET",route="/rooms/:room",status="200"} 0.06',
      'http_requests_in_flight 1',
    ]) {
      expect(text).toContain(line)
    }
    expect(text).toMatch(/http_connections \d/)
  })
})

describe('accessLog', () => {
  it('logs each request when it is answered, without its query', async () => {
    const records: AccessRecord[] = []
    const texts: string[] = []
    const router = createRouter()
    router.use(
      accessLog({
        logger: {
          info: (record, text) => {
            records.push(record)
            texts.push(text)
          },
        },
      }),
    )
    let now = 0
    router.use((next) => (request, context) => {
      now += 3
      return next(request, context)
    })
    router.get('/rooms/:room', () => textResponse('x', { status: 201 }))
    router.get('/fails', () => Promise.reject(new Error('boom')))
    router.get('/throws', () => {
      throw new Error('boom')
    })
    const server = await serving({ fetch: router.fetch, runtime: { now: () => now } })
    for (const path of ['/rooms/1?token=secret', '/fails', '/throws', '/none']) await fetch(server.url + path)
    expect(texts).toEqual([
      'GET /rooms/1 201 3 ms',
      'GET /fails 500 3 ms',
      'GET /throws 500 3 ms',
      'GET /none 404 3 ms',
    ])
    expect(records[0]).toEqual({
      event: 'request',
      method: 'GET',
      path: '/rooms/1',
      status: 201,
      durationMs: 3,
      remoteAddress: '127.0.0.1',
      route: '/rooms/:room',
    })
    expect(JSON.stringify(records)).not.toContain('secret')
  })

  it('survives a logger that throws, and leaves out what the filter does', async () => {
    let asked = 0
    const router = createRouter()
    router.use(
      accessLog({
        filter: ({ status }) => status >= 400,
        logger: {
          info: () => {
            asked += 1
            throw new Error('disk full')
          },
        },
      }),
    )
    router.get('/', () => textResponse('x'))
    expect((await router.fetch(new Request('http://a.example/'))).status).toBe(200)
    expect((await router.fetch(new Request('http://a.example/none'))).status).toBe(404)
    expect(asked).toBe(1)
  })
})
