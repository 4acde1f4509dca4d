import type { NodeRequest } from './node-response.ts'

/**
 * The head of a Node request as a web Request, for what asks for one: `hub.subscribe`, `respond`, `acceptsEventStream`.
 *
 * It has no body, and its signal never aborts: `sendResponse` notices itself that the client has left. A host that the
 * request does not name is `localhost`; nothing here depends on it.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { sendResponse, webRequest } from '@sse-toolkit/sse-server/node'
 *
 * const hub = createHub()
 * const server = createServer(async (req, res) => {
 *   await sendResponse(res, await hub.subscribe(webRequest(req), { topics: ['news'] }))
 * })
 * server.close()
 * ```
 */
export function webRequest(request: NodeRequest): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    // The pseudo-fields of HTTP/2 are no fields.
    if (value === undefined || name.startsWith(':')) continue
    for (const each of [value].flat()) headers.append(name, each)
  }
  const { ':authority': authority, host = authority } = request.headers
  const scheme = 'encrypted' in request.socket ? 'https' : 'http'
  // `CONNECT` and `TRACE` are no methods of a web Request, and ask for no event stream.
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
  return new Request(urlOf(request.url ?? '/', `${scheme}://${validHost(host)}`), { method, headers })
}

/** A target may be a path, a whole URL, or `*`. What begins with `//` is a path too, not another host. */
function urlOf(target: string, origin: string): string {
  if (target.startsWith('/')) return `${origin}${target}`
  return URL.canParse(target) ? target : origin
}

function validHost(host: unknown): string {
  return typeof host === 'string' && URL.canParse(`http://${host}/`) ? host : 'localhost'
}
