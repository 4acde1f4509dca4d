/** The process that is killed, and the one that takes its place: a hub on a log that outlives them. */
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { redisLog } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'
import { host } from '../servers/publishing-server.ts'
import { serveCalls } from '../worker/serve-calls.ts'

const methods = {
  /** @returns its port and process. */
  async open(redisUrl: string, port: number): Promise<{ readonly port: number; readonly pid: number }> {
    const hub = createHub({ log: redisLog({ url: redisUrl }) })
    const router = createRouter()
    router.get('/events', (request) => hub.subscribe(request, { topics: ['storm'] }))
    const server = createServer({ fetch: router.fetch, hostname: host, port })
    await server.listen()
    return { port: server.port ?? port, pid: process.pid }
  },
}

export type StormServerMethods = typeof methods

serveCalls(methods)
