/** `http-core-app.ts`, on Bun or Deno: serves a router as a bare fetch handler, and prints its URL. */
import { cors, createRouter, int, jsonResponse, route, textResponse } from '@sse-toolkit/http-core'
import { respond } from '@sse-toolkit/sse-server'

const router = createRouter()
router.use(cors({ origin: ['https://app.example'] }))
router.use((next) => async (request, context) => {
  const response = await next(request, context)
  response.headers.set('x-seen', new URL(request.url).pathname)
  return response
})
router.get(route('/rooms/:room/items/:n', { n: int }), (_request, { params }) =>
  jsonResponse({ room: params.room, next: params.n + 1 }),
)
router.post('/echo', async (request) => textResponse(await request.text(), { status: 201 }))
router.get('/events', () =>
  respond(async function* () {
    for (const n of [1, 2, 3]) yield { id: String(n), data: { n } }
  }),
)

interface Runtimes {
  readonly Bun?: {
    serve(options: { port: number; hostname: string; fetch: typeof router.fetch }): { readonly port: number }
  }
  readonly Deno?: {
    serve(
      options: { port: number; hostname: string; onListen(address: { port: number }): void },
      fetch: typeof router.fetch,
    ): unknown
  }
}

const { Bun, Deno } = globalThis as Runtimes
const hostname = '127.0.0.1'
const say = (port: number): void => {
  console.log(`listening on http://${hostname}:${port}`)
}
if (Bun !== undefined) {
  say(Bun.serve({ port: 0, hostname, fetch: router.fetch }).port)
} else {
  Deno?.serve({ port: 0, hostname, onListen: ({ port }) => say(port) }, router.fetch)
}
