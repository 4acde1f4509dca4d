/** A hub behind http-core that publishes numbers. Its port is the first argument; prints `listening` when it serves. */
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'

const [port = '0', ratePerSecond = '100'] = process.argv.slice(2)
const hub = createHub({ heartbeatIntervalMs: 100, reconnectionTimeMs: 50 })
const router = createRouter()
router.get('/numbers', (request) => hub.subscribe(request, { topics: ['numbers'] }))
const server = createServer({ fetch: router.fetch, port: Number(port) })
await server.listen()
console.log(`listening on ${server.port}`)

let n = 0
setInterval(() => void hub.publish('numbers', { data: (n += 1) }), 1000 / Number(ratePerSecond))
