/**
 * A hub on Redis behind http-core, as one of several processes. Prints `listening on <port>`.
 *
 * Arguments: Redis' URL, and the options of `redisLog` as JSON.
 *
 *     GET  /events/:topic            the stream
 *     POST /publish/:topic/:type     the body is the data; 200, or 503 with the error's code
 *     POST /run/:topic               a producer that counts, every 20 ms, without end; 200, or 409 with the topic's state
 *     POST /cancel/:topic
 *     POST /load/:rate/:topics       publishes so many events a second, over so many topics, until it ends
 *     GET  /stats
 */
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisLogOptions } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'

const [url = '', optionsText = '{}'] = process.argv.slice(2)
const options = JSON.parse(optionsText) as RedisLogOptions
const log = redisLog({ url, onError: (error) => console.error(String(error)), ...options })
const hub = createHub({ log, heartbeatIntervalMs: 1000, onError: (error) => console.error(String(error)) })

async function* count({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<string> {
  for (let n = 1; !signal.aborted; n += 1) {
    yield String(n)
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}

// `<process> <how many it has published to the topic> <when>`: what is missing shows.
function startLoad(rate: number, topics: number): void {
  const counts = new Map<string, number>()
  const startedAt = performance.now()
  let published = 0
  setInterval(() => {
    const wanted = ((performance.now() - startedAt) / 1000) * rate
    for (; published < wanted; published += 1) {
      const topic = `t${Math.floor(Math.random() * topics)}`
      const n = (counts.get(topic) ?? 0) + 1
      counts.set(topic, n)
      hub
        .publish(topic, { data: `${process.pid} ${n} ${Date.now()}` })
        .catch((error: unknown) => console.error(String(error)))
    }
  }, 10)
}

const router = createRouter()
router.get('/events/:topic', (request, { params }) => hub.subscribe(request, { topics: [params.topic] }))
router.post('/publish/:topic/:type', async (request, { params }) => {
  try {
    return Response.json(await hub.publish(params.topic, { event: params.type, data: await request.text() }))
  } catch (error) {
    return Response.json({ code: (error as { code?: string }).code ?? String(error) }, { status: 503 })
  }
})
router.post('/run/:topic', async (_request, { params }) => {
  const run = await hub.run(params.topic, count)
  return run.started ? new Response() : Response.json({ state: run.state }, { status: 409 })
})
router.post('/cancel/:topic', async (_request, { params }) =>
  Response.json({ wasRunning: await hub.cancel(params.topic) }),
)
router.post('/load/:rate/:topics', (_request, { params }) => {
  startLoad(Number(params.rate), Number(params.topics))
  return new Response()
})
router.get('/stats', () =>
  Response.json({ ...hub.stats(), cpu: process.cpuUsage(), memory: process.memoryUsage() }),
)

const server = createServer({ fetch: router.fetch, port: 0, maxConnections: 100_000 })
await log.ready()
await server.listen()
console.log(`listening on ${server.port}`)

process.once('SIGTERM', () => {
  void hub
    .close({ timeoutMs: 100 })
    .then(() => log.close())
    .then(() => server.close({ timeoutMs: 0 }))
})
