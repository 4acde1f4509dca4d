import { createServer } from 'node:http'
import compression from 'compression'
import express from 'express'
import { respond } from '@sse-toolkit/sse-server'
import { openEventStream, sendResponse } from '@sse-toolkit/sse-server/node'
import { listen } from './listen.ts'
import { check, createStory, maxBufferedBytes } from './story.ts'
import type { RunningExample } from './story.ts'

export async function start(): Promise<RunningExample> {
  const story = createStory()
  const { onClose } = story

  const app = express()
  // `no-transform` keeps compression away from event streams, unless you set another `cache-control`, as /gzip does.
  app.use(compression({ threshold: 0, filter: () => true }))
  app.use((_req, res, next) => {
    res.setHeader('x-set-before', 'yes')
    next()
  })
  app.all('/push', (req, res) =>
    story.push(req.url, openEventStream(req, res, { onClose, maxBufferedBytes })),
  )
  app.all('/pull', (req, res) =>
    sendResponse(
      res,
      respond(({ signal }) => story.pull(req.url, signal), { onClose }),
    ),
  )
  app.all('/gzip', (req, res) =>
    story.push(req.url, openEventStream(req, res, { onClose, headers: { 'cache-control': 'no-cache' } })),
  )
  app.get('/observed', (_req, res) => {
    res.json(story.observed)
  })
  return listen(createServer(app))
}

if (import.meta.main) await check(start)
