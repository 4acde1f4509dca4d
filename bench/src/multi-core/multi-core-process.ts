/** One of the processes that share a port. */
import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { userOf } from '../http/http-server.ts'
import { host } from '../servers/publishing-server.ts'
import { serveCalls } from '../worker/serve-calls.ts'

const methods = {
  /** @returns the port: the given one, or a free one for 0. */
  async open(port: number): Promise<number> {
    const router = createRouter()
    router.get('/users/:id', (_request, { params }) => jsonResponse(userOf(params.id)))
    const server = createServer({ fetch: router.fetch, hostname: host, port, reusePort: 'on' })
    await server.listen()
    return server.port ?? port
  },

  cpuMicros(): number {
    const { user, system } = process.cpuUsage()
    return user + system
  },
}

export type MultiCoreMethods = typeof methods

serveCalls(methods)
