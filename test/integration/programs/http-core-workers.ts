/** `http-core-workers.ts serve | crash | reuse PORT | idle | activated`: what http-core-processes.test.ts looks at from outside. */
import cluster from 'node:cluster'
import { jsonResponse, textResponse } from '@sse-toolkit/http-core'
import { activationSockets, closeOnSignals, createServer, runWorkers } from '@sse-toolkit/http-core/node'
import type { ListenError, Server, WorkerError } from '@sse-toolkit/http-core/node'

const [, , mode, port = '0'] = process.argv
const fetch = (): Response => textResponse(String(process.pid))

async function listening(server: Server): Promise<Server> {
  await server.listen()
  return server
}

if (mode === 'serve') {
  await runWorkers({
    workers: 2,
    async start() {
      const server = await listening(createServer({ fetch, port: 0 }))
      console.log(`worker ${process.pid}`)
      return server
    },
  })
  if (cluster.isPrimary) console.log('stopped')
} else if (mode === 'crash') {
  try {
    await runWorkers({
      workers: 1,
      start: () => {
        process.exit(3)
      },
    })
  } catch (error) {
    const { code, exitCode } = error as WorkerError
    console.log(`${code} ${exitCode}`)
  }
} else if (mode === 'reuse') {
  const server = await listening(createServer({ fetch, port: Number(port), reusePort: 'on' }))
  closeOnSignals(server)
  console.log(`listening on ${server.port}`)
} else if (mode === 'idle') {
  const server = await listening(
    createServer({
      port: 0,
      idleTimeoutMs: 60_000,
      fetch: () => {
        return jsonResponse({ connections: server.activeConnections, rss: process.memoryUsage.rss() })
      },
    }),
  )
  console.log(`listening on ${server.port}`)
} else {
  const [socket] = activationSockets()
  if (socket === undefined) throw new Error('No socket was handed over')
  try {
    await listening(createServer({ fetch, listen: socket }))
  } catch (error) {
    const { code, target } = error as ListenError
    console.log(`${code} ${target}`)
  }
}
