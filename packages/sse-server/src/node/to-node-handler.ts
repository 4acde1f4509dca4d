import { callListener } from '../callbacks.ts'
import { functionOption } from '../options.ts'
import type { NodeRequest, NodeResponse } from './node-response.ts'
import { sendResponse } from './send-response.ts'
import { isAmbiguousTarget, isForbiddenMethod, webRequest } from './web-request.ts'

/** Options of {@link toNodeHandler} and {@link subscribeNode}. */
export interface NodeHandlerOptions {
  /** Receives what was answered with 500, and errors of a body that was being sent. @defaultValue `console.error` */
  readonly onError?: ((error: unknown) => void) | undefined
}

/**
 * A web handler as a listener for node:http, node:https, node:http2, Express and Koa (`ctx.respond = false`).
 *
 * The listener never throws, and leaves no promise that rejects: a mistake in one request does not end the process. If the
 * handler fails before a head was sent, the client gets the error's own `status` if that is 400 to 499 (as the tag
 * `topic` has for a name that there cannot be), else 500, both without content. If the body fails later, the connection
 * is destroyed, so that the client notices.
 *
 * A target of which the URL parser would make another path (`/x/..\quick`, `/x/%2e%2e/quick`) is answered with 400: a
 * proxy in front has judged the path that arrived.
 *
 * @param handler - gets the request as a web Request, see {@link webRequest}, and the Node request itself, for what a framework has
 *   added to it, such as Express's `params`.
 * @throws {@link OptionError}
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { toNodeHandler } from '@sse-toolkit/sse-server/node'
 *
 * const hub = createHub()
 * const server = createServer(toNodeHandler((request) => hub.subscribe(request, { topics: ['news'] })))
 * server.close()
 * ```
 */
export function toNodeHandler<Incoming extends NodeRequest = NodeRequest>(
  handler: (request: Request, incoming: Incoming) => Response | Promise<Response>,
  options: NodeHandlerOptions = {},
): (incoming: Incoming, response: NodeResponse) => void {
  const report = errorListener(options)
  return (incoming, target) =>
    void answerNode(incoming, target, (request) => handler(request, incoming), report)
}

/** @throws {@link OptionError} */
export function errorListener({ onError }: NodeHandlerOptions): (error: unknown) => void {
  // oxlint-disable-next-line no-console -- the last resort
  return functionOption('onError', onError) ?? console.error
}

/**
 * Answers a Node request with what a web handler makes of it, or of its failure.
 *
 * @returns a promise that never rejects, and resolves when the response is over.
 */
export async function answerNode(
  incoming: NodeRequest,
  target: NodeResponse,
  handler: (request: Request) => Response | Promise<Response>,
  report: (error: unknown) => void,
): Promise<void> {
  if (isAmbiguousTarget(incoming)) {
    endEmpty(target, 400)
    return
  }
  if (isForbiddenMethod(incoming)) {
    target.setHeader('allow', 'GET, HEAD, POST')
    endEmpty(target, 405)
    return
  }
  try {
    await sendResponse(target, await handler(webRequest(incoming, target)))
  } catch (error) {
    const status = clientErrorStatus(error)
    // oxlint-disable-next-line no-console -- the last resort
    if (status === undefined || target.headersSent) callListener(() => report(error), console.error)
    // A head that was sent is `sendResponse`'s, which has broken off the body, or somebody else's.
    if (!target.headersSent) endEmpty(target, status ?? 500)
  }
}

function endEmpty(target: NodeResponse, status: number): void {
  target.statusCode = status
  target.end()
}

/** The status that an error has for the client's own mistake, as errors of Express, Koa, Fastify and h3 have it. */
function clientErrorStatus(error: unknown): number | undefined {
  const status: unknown = typeof error === 'object' && error !== null && 'status' in error && error.status
  return typeof status === 'number' && status >= 400 && status <= 499 ? status : undefined
}
