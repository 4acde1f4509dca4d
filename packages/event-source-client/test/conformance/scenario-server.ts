import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { ScenarioResponse, ScenarioServer, SeenRequest } from './scenario.ts'

/** Serves scenarios, and to browsers the files that the cases need. */
export async function startScenarioServer(
  files: Readonly<Record<string, { readonly type: string; readonly content: string }>> = {},
): Promise<ScenarioServer & AsyncDisposable> {
  const seen = new Map<string, SeenRequest[]>()

  async function playScenario(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<void> {
    const key = query.get('key') ?? ''
    const requests = seen.get(key) ?? []
    seen.set(key, requests)
    requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers as Record<string, string>,
    })
    const responses = JSON.parse(query.get('responses') ?? '[]') as ScenarioResponse[]
    const scenario = responses[Math.min(requests.length, responses.length) - 1] ?? {}
    const {
      status = 200,
      headers = { 'content-type': 'text/event-stream' },
      chunks = [],
      hex = [],
    } = scenario
    response.writeHead(status, headers).flushHeaders()
    for (const chunk of [...chunks, ...hex.map((bytes) => Buffer.from(bytes, 'hex'))]) {
      if (chunk.length > 0) response.write(chunk)
      await nextTurn()
    }
    if (scenario.finally === 'end') response.end()
    if (scenario.finally === 'cut') {
      // A browser drops unread bytes when a connection breaks.
      await delay(50)
      response.destroy()
    }
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server')
    const { origin } = request.headers
    if (origin !== undefined) {
      response.setHeader('access-control-allow-origin', origin)
      response.setHeader('access-control-allow-credentials', 'true')
      response.setHeader('access-control-allow-headers', 'last-event-id, x-key, cache-control, pragma')
    }
    const file = files[pathname]
    if (request.method === 'OPTIONS') response.writeHead(204).end()
    else if (pathname === '/scenario') void playScenario(request, response, searchParams)
    else if (pathname === '/requests')
      response.end(JSON.stringify(seen.get(searchParams.get('key') ?? '') ?? []))
    else if (file) response.writeHead(200, { 'content-type': file.type }).end(file.content)
    else response.writeHead(404).end()
  }

  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    otherOrigin: `http://localhost:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
