/** `deno run --allow-net deno.ts`: prints its URL, and serves until it is ended. */
import * as handlers from './route-handlers.ts'

interface DenoRuntime {
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    fetch: (request: Request) => Response,
  ): { readonly addr: { readonly port: number } }
}

const { Deno } = globalThis as unknown as { Deno: DenoRuntime }
const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: () => undefined }, handlers.GET)
console.log(`http://127.0.0.1:${server.addr.port}`)
