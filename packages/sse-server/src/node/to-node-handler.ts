import { callListener } from '../callbacks.ts'
import { functionOption } from '../options.ts'
import type { NodeRequest, NodeResponse } from './node-response.ts'
import { sendResponse } from './send-response.ts'
import { isAmbiguousTarget, webRequest } from './web-request.ts'

/** Options of {@link toNodeHandler}. */
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
 * @param handler - gets the head of the request as a web Request, and the Node request itself, for what a framework has
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
  // oxlint-disable-next-line no-console -- the last resort
  const report = functionOption('onError', options.onError) ?? console.error
  const answer = async (incoming: Incoming, target: NodeResponse): Promise<void> => {
    if (isAmbiguousTarget(incoming)) {
      target.statusCode = 400
      target.end()
      return
    }
    try {
      await sendResponse(target, await handler(webRequest(incoming), incoming))
    } catch (error) {
      const status = clientErrorStatus(error)
      // oxlint-disable-next-line no-console -- the last resort
      if (status === undefined || target.headersSent) callListener(() => report(error), console.error)
      // A head that was sent is `sendResponse`'s, which has broken off the body, or somebody else's.
      if (target.headersSent) return
      target.statusCode = status ?? 500
      target.end()
    }
  }
  return (incoming, target) => void answer(incoming, target)
}

/** The status that an error has for the client's own mistake, as errors of Express, Koa, Fastify and h3 have it. */
function clientErrorStatus(error: unknown): number | undefined {
  const status: unknown = typeof error === 'object' && error !== null && 'status' in error && error.status
  return typeof status === 'number' && status >= 400 && status <= 499 ? status : undefined
}
