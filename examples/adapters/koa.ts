import { createServer } from 'node:http'
import Koa from 'koa'
import { respond } from '@sse-toolkit/sse-server'
import { openEventStream, sendResponse } from '@sse-toolkit/sse-server/node'
import { listen } from './listen.ts'
import { check, createStory, maxBufferedBytes } from './story.ts'
import type { RunningExample } from './story.ts'

export async function start(): Promise<RunningExample> {
  const story = createStory()
  const { onClose } = story

  const app = new Koa()
  app.use(async (ctx, next) => {
    ctx.set('x-set-before', 'yes')
    await next()
  })
  app.use(async (ctx) => {
    if (ctx.path === '/observed') {
      ctx.body = story.observed
      return
    }
    // Koa releases the response. The header fields from `ctx.set` are on it already.
    ctx.respond = false
    if (ctx.path === '/push') {
      await story.push(ctx.url, openEventStream(ctx.req, ctx.res, { onClose, maxBufferedBytes }))
    } else {
      await sendResponse(
        ctx.res,
        respond(({ signal }) => story.pull(ctx.url, signal), { onClose }),
      )
    }
  })
  const handle = app.callback()
  return listen(createServer((req, res) => void handle(req, res)))
}

if (import.meta.main) await check(start)
