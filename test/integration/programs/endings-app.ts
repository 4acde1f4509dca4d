import { endings } from './endings.ts'

// The ways in which an event stream ends, on runtimes that take a fetch handler.

interface OtherRuntimes {
  readonly Bun?: { serve(options: object): { readonly port: number } }
  readonly Deno?: { serve(options: object, handler: typeof endings): unknown }
}

const { Bun, Deno } = globalThis as OtherRuntimes
const hostname = '127.0.0.1'
if (Bun !== undefined) {
  const { port } = Bun.serve({
    hostname,
    port: 0,
    fetch: endings,
    idleTimeout: 0,
    error: () => new Response(null),
  })
  console.log(`listening on http://${hostname}:${port}`)
} else
  Deno?.serve(
    {
      hostname,
      port: 0,
      onListen: ({ port }: { port: number }) => console.log(`listening on http://${hostname}:${port}`),
    },
    endings,
  )
