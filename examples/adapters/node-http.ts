import { createServer } from 'node:http'
import { respond } from '@sse-toolkit/sse-server'
import { openEventStream, sendResponse } from '@sse-toolkit/sse-server/node'
import { listen } from './listen.ts'
import { check, createStory, maxBufferedBytes, type RunningExample } from './story.ts'

export async function start(): Promise<RunningExample> {
  const story = createStory()
  const { onClose } = story

  const server = createServer((req, res) => {
    const { url = '/' } = req
    res.setHeader('x-set-before', 'yes')
    if (url.startsWith('/push')) {
      void story.push(url, openEventStream(req, res, { onClose, maxBufferedBytes }))
    } else if (url.startsWith('/pull')) {
      void sendResponse(
        res,
        respond(({ signal }) => story.pull(url, signal), { onClose }),
      )
    } else {
      res.end(JSON.stringify(story.observed))
    }
  })
  return listen(server)
}

if (import.meta.main) await check(start)
