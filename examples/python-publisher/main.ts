/**
 * A program in another language publishes: publish.py, with nothing but Python's standard library, sends readings by POST.
 * Readers of the topic get each reading once, even though the program sends the last one twice.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub, createPublishHandler } from '@sse-toolkit/sse-server'

const token = 'secret'
const hub = createHub()
const router = createRouter()
router.get('/sensors', (request) => hub.subscribe(request, { topics: ['sensors.cellar'] }))
router.post(
  '/publish',
  createPublishHandler(hub, {
    authorize: (request) =>
      request.headers.get('authorization') === `Bearer ${token}`
        ? { identity: 'thermometer', topics: ['sensors.*'] }
        : new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer' } }),
  }),
)
const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()

const script = fileURLToPath(new URL('publish.py', import.meta.url))
await promisify(execFile)('python3', [script, new URL('/publish', server.url).href, token])

const readings: unknown[] = []
const sensors = createEventSource(new URL('/sensors?lastEventId=earliest', server.url), { data: 'json' })
for await (const { data } of sensors) {
  readings.push(data)
  if (readings.length === 3) break
}
assert.deepEqual(readings, [{ celsius: 11.5 }, { celsius: 11.7 }, { celsius: 12.1 }])
assert.equal(hub.stats().published, 3)

await hub.close()
await server.close()
console.log('ok')
