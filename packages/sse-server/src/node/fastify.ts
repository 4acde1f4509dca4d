import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import type { ByteSource } from '../connection/byte-sink.ts'
import { OptionError } from '../errors/option-error.ts'
import type { Hub } from '../hub/hub.ts'
import type { SubscribeOptions } from '../hub/hub-options.ts'
import { attachToResponse } from './attach-to-response.ts'
import { isHttp2 } from './node-response.ts'
import type { NodeRequest, NodeResponse } from './node-response.ts'
import { byteSourceOf, hasNoContent } from './send-response.ts'
import { webRequest } from './web-request.ts'

/** What is needed of Fastify's request. */
export interface FastifyRequestLike {
  readonly raw: NodeRequest
}

/** What is needed of Fastify's reply. */
export interface FastifyReplyLike {
  readonly raw: NodeResponse
  code(status: number): unknown
  header(name: string, value: string): unknown
  getHeader(name: string): string | number | readonly string[] | undefined
  send(payload?: unknown): unknown
}

/**
 * Answers a request to Fastify with topics of a hub: `hub.subscribe` in one call.
 *
 * The reply is Fastify's own, not hijacked: what hooks and plugins set on it (CORS, cookies) is sent, with whatever status the hub
 * answers, and its `onSend` and `onResponse` hooks run.
 *
 * @returns a promise that a handler can return.
 * @throws {@link OptionError} `code: 'invalid-option'` for Fastify's error handler, which answers 500.
 * @example
 * ```ts no-run
 * import fastify from 'fastify'
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { subscribeFastify } from '@sse-toolkit/sse-server/node'
 *
 * const hub = createHub()
 * const app = fastify()
 * app.get('/events', (request, reply) => subscribeFastify(hub, request, reply, { topics: ['news'] }))
 * await app.listen({ port: 3000 })
 * ```
 */
export async function subscribeFastify<Reply extends FastifyReplyLike>(
  hub: Pick<Hub, 'subscribe'>,
  request: FastifyRequestLike,
  reply: Reply,
  options: SubscribeOptions,
): Promise<Reply> {
  checkFastify(request, reply)
  return sendFastify(reply, await hub.subscribe(webRequest(request.raw, reply.raw), options))
}

/**
 * Sends a web Response, such as `respond` and the handler of `createPublishHandler` return, as Fastify's reply: with the fields that
 * hooks and plugins have set, and through its `onSend` hooks. An event stream that none of them wraps goes straight to the
 * socket.
 *
 * @returns the reply, for a handler to return.
 * @example
 * ```ts no-run
 * import fastify from 'fastify'
 * import { respond } from '@sse-toolkit/sse-server'
 * import { sendFastify, webRequest } from '@sse-toolkit/sse-server/node'
 *
 * const app = fastify()
 * app.get('/events', (req, reply) =>
 *   sendFastify(reply, respond([{ data: 'hello' }], { request: webRequest(req.raw, reply.raw) })),
 * )
 * await app.listen({ port: 3000 })
 * ```
 */
export function sendFastify<Reply extends FastifyReplyLike>(reply: Reply, response: Response): Reply {
  reply.code(response.status)
  for (const [name, value] of response.headers) {
    const before = name === 'vary' ? reply.getHeader('vary') : undefined
    // Fastify adds to `set-cookie` by itself.
    reply.header(name, before === undefined ? value : [before, value].flat().join(', '))
  }
  const { body } = response
  const source = byteSourceOf(response)
  if (body === null || hasNoContent(reply.raw, response.status)) {
    // The body is no longer needed, so it does not matter if cancelling it fails.
    void body?.cancel().catch(() => undefined)
    reply.send()
  } else reply.send(source === undefined ? body : streamPayload(body, source))
  return reply
}

/** A body as a Node stream. Fastify pipes it into the response, or a hook pipes it elsewhere. */
function streamPayload(body: ReadableStream, source: ByteSource): Readable {
  // It reads nothing until it is read itself.
  const payload = Readable.fromWeb(body as NodeReadableStream)
  const pipe = payload.pipe.bind(payload)
  return Object.assign(payload, {
    pipe<Target extends NodeJS.WritableStream>(target: Target, options?: { end?: boolean }): Target {
      if (!isResponse(target) || options?.end === false) return pipe(target, options)
      if (isHttp2(target)) target.writeHead(target.statusCode)
      else target.flushHeaders()
      attachToResponse(target, (sink) => source.attach(sink))
      // For Fastify this payload is done. The response ends by itself.
      payload.push(null)
      payload.resume()
      return target
    },
  })
}

function isResponse<Target extends NodeJS.WritableStream>(target: Target): target is Target & NodeResponse {
  return 'writeHead' in target && 'req' in target
}

/** @throws {@link OptionError} for what is Node's own. */
function checkFastify(request: FastifyRequestLike, reply: FastifyReplyLike): void {
  if (!('raw' in request)) throw new OptionError('request', request, "Fastify's request")
  if (!('raw' in reply)) throw new OptionError('reply', reply, "Fastify's reply")
}
