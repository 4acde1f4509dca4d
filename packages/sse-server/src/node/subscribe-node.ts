import type { Hub } from '../hub/hub.ts'
import type { SubscribeOptions } from '../hub/hub-options.ts'
import type { NodeRequest, NodeResponse } from './node-response.ts'
import { answerNode, errorListener } from './to-node-handler.ts'
import type { NodeHandlerOptions } from './to-node-handler.ts'

/**
 * Answers a Node request with topics of a hub: `hub.subscribe` in one call, for node:http, node:https, node:http2, Express, and
 * Koa with `ctx.respond = false`.
 *
 * Fields that were set on the response before stay, whatever the hub answers. The request is answered in any case, so a
 * listener need not wait for it: if the hub refuses the options themselves, the client gets 500, and `onError` the reason. A
 * topic that there cannot be is answered 400, as {@link Hub.subscribe} says.
 *
 * @returns a promise that resolves when the response is over. It never rejects.
 * @throws {@link OptionError} at the call, for an `onError` that is not a function.
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { subscribeNode } from '@sse-toolkit/sse-server/node'
 *
 * const hub = createHub()
 * const server = createServer((req, res) => void subscribeNode(hub, req, res, { topics: ['news'] }))
 * server.close()
 * ```
 */
export function subscribeNode(
  hub: Pick<Hub, 'subscribe'>,
  request: NodeRequest,
  response: NodeResponse,
  options: SubscribeOptions & NodeHandlerOptions,
): Promise<void> {
  const { onError, ...subscribe } = options
  return answerNode(request, response, (asked) => hub.subscribe(asked, subscribe), errorListener({ onError }))
}
