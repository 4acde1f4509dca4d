/** `bun bun.ts`: prints its URL, and serves until it is ended. */
import * as handlers from './route-handlers.ts'

interface BunRuntime {
  serve(options: {
    port: number
    hostname: string
    idleTimeout: number
    fetch: (request: Request) => Response
  }): {
    readonly port: number
  }
}

const { Bun } = globalThis as unknown as { Bun: BunRuntime }
// Bun cuts connections that are silent for 10 s; heartbeats come later than that by default.
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch: handlers.GET })
console.log(`http://127.0.0.1:${server.port}`)
