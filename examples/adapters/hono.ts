import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { respond } from '@sse-toolkit/sse-server'
import { Hono } from 'hono'
import { listen } from './listen.ts'
import { check, createStory, maxBufferedBytes } from './story.ts'
import type { RunningExample } from './story.ts'

export async function start(): Promise<RunningExample> {
  const story = createStory()
  const { onClose } = story

  const app = new Hono()
  app.use(async (c, next) => {
    // As Hono's own middleware (cors, secureHeaders) does: set on `c.res`, it goes over to the response returned.
    c.res.headers.set('x-set-before', 'yes')
    await next()
  })
  app.all('/push', (c) =>
    respond((stream) => story.push(c.req.url, stream), { request: c.req.raw, onClose, maxBufferedBytes }),
  )
  app.all('/pull', (c) =>
    respond(({ signal }) => story.pull(c.req.url, signal), { request: c.req.raw, onClose }),
  )
  app.get('/observed', (c) => c.json(story.observed))
  const handle = getRequestListener(app.fetch)
  return listen(createServer((req, res) => void handle(req, res)))
}

if (import.meta.main) await check(start)
