/** Route handlers on our own server; what it serves is what any host of route handlers does. */
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import * as handlers from './route-handlers.ts'
import { check } from './story.ts'
import type { RunningExample } from './story.ts'

export async function start(): Promise<RunningExample> {
  const router = createRouter()
  for (const path of ['/push', '/pull', '/observed'] as const) {
    router.get(path, (request) => handlers.GET(request))
    router.post(path, (request) => handlers.POST(request))
  }
  const server = createServer({ fetch: router.fetch, port: 0 })
  await server.listen()
  return {
    url: String(server.url).replace(/\/$/, ''),
    close: async () => {
      await server.close({ timeoutMs: 0 })
    },
  }
}

if (import.meta.main) await check(start)
