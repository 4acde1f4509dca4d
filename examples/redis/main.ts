/**
 * Two servers, one stream. Each server has a hub of its own, and both hubs keep their log on one Redis: a reader gets what either of
 * them publishes, and a reader whose server goes away resumes at the other one.
 *
 *     REDIS_URL=redis://127.0.0.1:6379 node examples/redis/main.ts
 *
 * Here both are in one process; in production they are two machines behind a balancer.
 */
import assert from 'node:assert/strict'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { redisLog } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'

const redisUrl = process.env['REDIS_URL']
if (redisUrl === undefined) throw new Error('Set REDIS_URL to a Redis, such as redis://127.0.0.1:6379.')

interface Instance {
  readonly hub: Hub
  readonly url: string
  readonly stop: () => Promise<void>
}

async function start(url: string): Promise<Instance> {
  const log = redisLog({ url })
  const hub = createHub({ log })
  const router = createRouter()
  router.get('/orders', (request) => hub.subscribe(request, { topics: ['orders'] }))
  const server = createServer({ fetch: router.fetch, port: 0 })
  await server.listen()
  return {
    hub,
    url: new URL('/orders', server.url).href,
    async stop() {
      await hub.close()
      await server.close({ timeoutMs: 0 })
      await log.close()
    },
  }
}

const [one, two] = [await start(redisUrl), await start(redisUrl)]
const received: string[] = []

// Stands in for the balancer: the first connection goes to one server, all others to the other one.
const client = createEventSource(({ isFirst }) => (isFirst ? one.url : two.url), {
  reconnection: { baseDelayMs: 20, minDelayMs: 5 },
})
client.on('message', ({ data }) => received.push(data))

async function until(condition: () => boolean): Promise<void> {
  while (!condition())
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
}

await until(() => client.status.state === 'open')
await one.hub.publish('orders', { data: 'placed here' })
await two.hub.publish('orders', { data: 'placed there' })
await until(() => received.length === 2)

// The reader's server is gone, and an order arrives while the reader is away.
await one.stop()
await two.hub.publish('orders', { data: 'placed meanwhile' })
await until(() => received.length === 3)
assert.deepEqual(received, ['placed here', 'placed there', 'placed meanwhile'])
assert.equal(two.hub.stats().connections, 1)

client.close()
await two.stop()
console.log('ok')
