import { createServer } from 'node:http'
import { respond } from '@sse-toolkit/sse-server'
import { openEventStream, sendResponse } from '@sse-toolkit/sse-server/node'
import type { NodeRequest, NodeResponse } from '@sse-toolkit/sse-server/node'
import { listen } from './listen.ts'
import { check, createStory, maxBufferedBytes } from './story.ts'
import type { RunningExample } from './story.ts'

/** Serves node:http, node:https and node:http2 alike. */
export function createListener(): (req: NodeRequest, res: NodeResponse) => void {
  const story = createStory()
  const { onClose } = story

  return (req, res) => {
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
  }
}

export async function start(): Promise<RunningExample> {
  return listen(createServer(createListener()))
}

if (import.meta.main) await check(start)
