/** Progress bars: one is there from the start, one comes in the middle, one is cut and goes on, one comes when it is over. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { startServers } from '../server-processes.ts'

const { here, there } = await startServers(new URL('server.ts', import.meta.url))
const run = crypto.randomUUID()

interface Bar {
  /** As a page would draw it. */
  drawn: string
  result: string | undefined
  /** How its stream has closed. */
  reason: string | undefined
}

async function post(path: string, url = here.url): Promise<unknown> {
  return (await fetch(new URL(path, url), { method: 'POST' })).json()
}

/** Shows a job until it is over. @param cutAt - where its network fails, once. */
async function show(job: string, url: string, cutAt = Number.POSITIVE_INFINITY): Promise<Bar> {
  const bar: Bar = { drawn: '', result: undefined, reason: undefined }
  let last = -1
  const source = createEventSource(new URL(`/jobs/${run}-${job}`, url), { reconnection: { baseDelayMs: 10 } })
  source.on('progress', ({ data }) => {
    const { done, total } = JSON.parse(data) as { done: number; total: number }
    assert.ok(done > last, `never backwards: ${done} after ${last}`)
    last = done
    bar.drawn = `${'#'.repeat((done / total) * 10).padEnd(10, '-')} ${Math.round((done / total) * 100)} %`
    if (done >= cutAt) {
      cutAt = Number.POSITIVE_INFINITY
      source.reconnect()
    }
  })
  source.on('result', ({ data }) => (bar.result = (JSON.parse(data) as { url: string }).url))
  bar.reason = await source.closed
  return bar
}

const complete: Bar = { drawn: '########## 100 %', result: '/films/1.mp4', reason: 'completed' }
assert.deepEqual(await post(`/jobs/${run}-a?frames=10`), { started: true })
assert.deepEqual(await post(`/jobs/${run}-a?frames=10`), { started: false, state: 'running' })
const early = show('a', here.url)
const cut = show('a', there.url, 4)
await delay(100)
assert.deepEqual(await Promise.all([early, cut, show('a', there.url)]), [complete, complete, complete])
assert.deepEqual(await show('a', here.url), complete)

// A failed job reports the failure to every reader, without the reason.
await post(`/jobs/${run}-b?frames=20`)
const failed = await Promise.all([show('b', here.url), show('b', there.url)])
assert.deepEqual(
  failed.map(({ drawn, result, reason }) => [drawn, result, reason]),
  failed.map(() => ['######---- 60 %', undefined, 'failed']),
)

// One that is stopped, at the other process than it runs in.
await post(`/jobs/${run}-c?frames=12`)
const stopped = show('c', here.url)
await delay(60)
assert.deepEqual(await post(`/jobs/${run}-c/stop`, there.url), { stopped: true })
const { result, reason } = await stopped
assert.deepEqual([result, reason], [undefined, 'cancelled'])

await there.end('SIGTERM')
if (here !== there) await here.end('SIGTERM')
console.log('ok')
