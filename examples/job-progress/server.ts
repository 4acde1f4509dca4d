/**
 * The progress of long jobs: every tab, at any process, sees how far a job is and how it ended.
 *
 *     POST /jobs/:id?frames=20    begins it; 202, or 409 if it was begun before
 *     GET  /jobs/:id              its progress so far, and from now on, then its result
 *     POST /jobs/:id/stop         stops it
 */
import { setTimeout as delay } from 'node:timers/promises'
import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { closeOnSignals, createServer } from '@sse-toolkit/http-core/node'
import { createHub, topic } from '@sse-toolkit/sse-server'
import type { HubEvent } from '@sse-toolkit/sse-server'
import { announce, createLog } from '../server-processes.ts'

/** Renders frames, and fails at the thirteenth, if it comes to that. */
async function* render(frames: number, signal: AbortSignal): AsyncGenerator<HubEvent> {
  for (let done = 0; done < frames; done += 1) {
    yield { event: 'progress', data: { done, total: frames } }
    await delay(20, undefined, { signal })
    if (done === 12) throw new Error('Frame 13 of secret.mov cannot be rendered')
  }
  yield { event: 'progress', data: { done: frames, total: frames } }
  yield { event: 'result', data: { url: '/films/1.mp4' } }
}

const hub = createHub({ log: createLog(), onError: () => undefined })
const router = createRouter()

router.post('/jobs/:id', async (request, { params: { id } }) => {
  const frames = Number(new URL(request.url).searchParams.get('frames'))
  const run = await hub.run(topic`jobs.${id}`, ({ signal }) => render(frames, signal), {
    errorMessage: 'The film cannot be rendered',
  })
  return jsonResponse(run.started ? { started: true } : run, { status: run.started ? 202 : 409 })
})
router.get('/jobs/:id', (request, { params: { id } }) =>
  hub.subscribe(request, { topics: [topic`jobs.${id}`] }),
)
router.post('/jobs/:id/stop', async (_request, { params: { id } }) =>
  jsonResponse({ stopped: await hub.cancel(topic`jobs.${id}`) }),
)

const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()
closeOnSignals(server, { eventStreams: 'wait', onClose: () => hub.close({ runsMs: 10_000 }) })
announce(server.url)
