import { ServerResponse } from 'node:http'
import { listenForClose } from './node-response.ts'
import type { NodeRequest, NodeResponse } from './node-response.ts'
import { requestBody } from './request-body.ts'

/**
 * A Node request as a web Request, for functions that take one: `hub.subscribe`, `respond`, `acceptsEventStream`,
 * the handler of `createPublishHandler`. `toNodeHandler` and `subscribeNode` do this for you.
 *
 * Method, URL, fields and content are those of the Node request. The content is read only as far as somebody asks for it, and is
 * absent if a body parser has read it before. If the request does not name a valid host, the host is `localhost`; nothing
 * here depends on it.
 *
 * The signal aborts when the client leaves before the response has ended, even before the response has begun.
 *
 * @param response - the response to it. Without one, the signal can only tell of a request that is not pipelined behind another.
 * @throws TypeError for the methods CONNECT and TRACE, which a web Request cannot have. `toNodeHandler` answers them with 405.
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { respondOnFirstEvent } from '@sse-toolkit/sse-server'
 * import { sendResponse, webRequest } from '@sse-toolkit/sse-server/node'
 *
 * const server = createServer((req, res) => {
 *   respondOnFirstEvent([{ data: 'hello' }], { request: webRequest(req, res) })
 *     .then((response) => sendResponse(res, response))
 *     .catch((error: unknown) => res.destroy(error as Error))
 * })
 * server.close()
 * ```
 * @see https://fetch.spec.whatwg.org/#methods
 */
export function webRequest(
  request: NodeRequest,
  response: NodeResponse | undefined = responseTo(request),
): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    // The pseudo-header fields of HTTP/2 are not fields.
    if (value === undefined || name.startsWith(':')) continue
    for (const each of [value].flat()) headers.append(name, each)
  }
  const { ':authority': authority, host = authority } = request.headers
  const scheme = 'encrypted' in request.socket ? 'https' : 'http'
  const body = requestBody(request)
  return new Request(urlOf(request.url ?? '/', `${scheme}://${validHost(host)}`), {
    method: request.method ?? 'GET',
    headers,
    ...(response !== undefined && { signal: departureOf(response) }),
    // Fetch: a body that is a stream needs it said that it is sent while the answer may already come.
    ...(body !== null && { body, duplex: 'half' }),
  })
}

/** Fetch, "forbidden method". TRACK is not one that Node parses. */
export function isForbiddenMethod({ method = 'GET' }: NodeRequest): boolean {
  return method === 'CONNECT' || method === 'TRACE'
}

/** Aborts when the response is over without having been ended: the client has left. */
function departureOf(response: NodeResponse): AbortSignal {
  const controller = new AbortController()
  listenForClose(response, () => {
    if (!response.writableEnded) controller.abort()
  })
  return controller.signal
}

/** The response to a request whose turn it is. node:http notes it on the socket, without documenting that. */
function responseTo(request: NodeRequest): NodeResponse | undefined {
  if ('stream' in request) return undefined
  const { socket } = request
  const response: unknown = '_httpMessage' in socket ? socket._httpMessage : undefined
  return response instanceof ServerResponse && response.req === request ? response : undefined
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
