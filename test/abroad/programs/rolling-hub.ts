/**
 * One of several processes behind a proxy, with the shutdown that docs/deployment/graceful-shutdown.md describes.
 *
 *     node rolling-hub.ts <port>
 *
 * Every process receives all events from the first on, and gives them the same ids, as processes on one shared log do. All
 * use the same random numbers, so their logs have one epoch.
 */
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createHub, createPublishHandler, memoryLog, systemRuntime } from '@sse-toolkit/sse-server'
import { subscribeNode, toNodeHandler } from '@sse-toolkit/sse-server/node'

const port = Number(process.argv[2])
const hub = createHub({
  log: memoryLog({ runtime: { ...systemRuntime, random: () => 0.5 }, maxEvents: 100_000 }),
  heartbeatIntervalMs: 1000,
  // A token is the time when it ends.
  authorize: (request) => {
    const expiresAt = Number(request.headers.get('authorization'))
    return expiresAt > Date.now() ? { expiresAt } : new Response(null, { status: 401 })
  },
})
const publish = toNodeHandler(createPublishHandler(hub, { authorize: () => ({}) }))

let isReady = false

const server = createServer((req, res) => {
  if (req.url === '/health') {
    res.statusCode = isReady ? 200 : 503
    res.end()
  } else if (req.url === '/ready') {
    isReady = true
    res.end()
  } else if (req.method === 'POST') publish(req, res)
  else void subscribeNode(hub, req, res, { topics: ['numbers'] })
})

process.once('SIGTERM', () => {
  void (async () => {
    // 1. The health check fails; the proxy takes this process out, and sends no more clients here.
    isReady = false
    await delay(1500)
    // 2. Connected clients are told to reconnect, one by one, and reach the other process.
    await hub.close({ runsMs: 1000, drainMs: 1000 })
    // 3. Nothing holds the server open now.
    server.close()
  })()
})

server.listen(port, '127.0.0.1', () => console.log('listening'))
