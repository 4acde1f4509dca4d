import type { NodeRequest } from './node-response.ts'

/**
 * The head of a Node request as a web Request, for functions that take one: `hub.subscribe`, `respond`,
 * `acceptsEventStream`. `toNodeHandler` does this for a whole handler.
 *
 * It has no body, and its signal never aborts: `sendResponse` notices itself that the client has left. If the request
 * does not name a valid host, the host is `localhost`; nothing here depends on it.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { sendResponse, webRequest } from '@sse-toolkit/sse-server/node'
 *
 * const hub = createHub()
 * const server = createServer((req, res) => {
 *   hub
 *     .subscribe(webRequest(req), { topics: ['news'] })
 *     .then((response) => sendResponse(res, response))
 *     .catch((error: unknown) => res.destroy(error as Error))
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

// A backslash, which the URL parser reads as a slash, and dot segments, which it resolves, in whatever spelling.
const ambiguousPath = /\\|\/(?:\.|%2e){1,2}(?:\/|$)/i

/**
 * Whether the URL parser would make another path of the target: what a proxy in front, or a framework's router, has judged
 * is not what `new URL(request.url).pathname` says then.
 */
export function isAmbiguousTarget({ url = '/' }: NodeRequest): boolean {
  return ambiguousPath.test(url.split(/[?#]/, 1)[0] ?? '')
}

/** A target may be a path, a whole URL, or `*`. What begins with `//` is a path too, not another host. */
function urlOf(target: string, origin: string): string {
  if (target.startsWith('/')) return `${origin}${target}`
  const url = URL.parse(target)
  if (url === null) return origin
  // Fetch, "new Request": a URL with credentials is a TypeError. What a client writes there must not become one.
  url.username = ''
  url.password = ''
  return url.href
}

function validHost(host: unknown): string {
  const url = typeof host === 'string' ? URL.parse(`http://${host}/`) : null
  // More than host and port, such as credentials or a path, is not a host.
  return url === null || url.href !== `http://${url.host}/` ? 'localhost' : url.host
}
