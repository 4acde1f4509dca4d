import { OptionError } from '../errors/option-error.ts'
import { Connection } from '../connection/event-stream.ts'
import type { EventStream } from '../connection/event-stream.ts'
import { eventStreamHeaders } from '../respond/event-stream-response.ts'
import { checkOptionNames } from '../option-names.ts'
import type { OptionNames } from '../option-names.ts'
import { requestedEventId } from '../wire-contract/requested-event-id.ts'
import { startStream } from '../respond/start-stream.ts'
import { eventStreamOptionNames, eventStreamSetup } from '../connection/event-stream-options.ts'
import type { EventStreamOptions } from '../connection/event-stream-options.ts'
import type { EventSchemas } from '../format/typed-events.ts'
import { attachToResponse } from './attach-to-response.ts'
import type { NodeRequest, NodeResponse } from './node-response.ts'
import { sendHead } from './send-head.ts'

/** Options of {@link openEventStream}. */
export interface OpenEventStreamOptions<
  Schemas extends EventSchemas = EventSchemas,
> extends EventStreamOptions<Schemas> {
  /** Which event the client asks to go on after. @defaultValue what the request says */
  readonly lastEventId?: string | undefined
}

const openEventStreamOptionNames: OptionNames<OpenEventStreamOptions> = {
  ...eventStreamOptionNames,
  lastEventId: true,
}

/**
 * Opens an event stream on a Node response: node:http, node:https, node:http2, and what is built on them (Express,
 * Koa with `ctx.respond = false`, Fastify after `reply.hijack()`).
 *
 * The head goes out at once. Fields that were set on the response before stay, and so does a status from 200 to 299.
 *
 * A HEAD request is answered with the head alone; the stream is then closed from the start.
 *
 * @throws {@link ResponseStateError} `code: 'head-sent'` if the response has been begun.
 * @throws {@link OptionError} if an option has no meaning; nothing has been sent then.
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { openEventStream } from '@sse-toolkit/sse-server/node'
 *
 * const server = createServer((req, res) => {
 *   const stream = openEventStream(req, res)
 *   const timer = setInterval(() => stream.send({ event: 'tick', data: new Date() }), 1000)
 *   void stream.closed.then(() => clearInterval(timer))
 * })
 * server.close()
 * ```
 */
export function openEventStream<Schemas extends EventSchemas = EventSchemas>(
  request: NodeRequest,
  response: NodeResponse,
  options: OpenEventStreamOptions<Schemas> = {},
): EventStream<Schemas> {
  checkNode('request', request, 'headers')
  checkNode('response', response, 'writableEnded')
  checkOptionNames(options, openEventStreamOptionNames)
  const header = request.headers['last-event-id']
  const setup = eventStreamSetup(
    options,
    requestedEventId(options.lastEventId, typeof header === 'string' ? header : undefined, request.url ?? ''),
  )
  sendHead(response, successStatus(response), '', eventStreamHeaders(options.headers))
  let connection: Connection<Schemas> | undefined
  attachToResponse(response, (sink) => {
    connection =
      request.method === 'HEAD' ? new Connection<Schemas>(sink, setup) : startStream<Schemas>(sink, setup)
    if (request.method === 'HEAD') connection.close()
    return connection.queue
  })
  return connection as Connection<Schemas>
}

/** The status that was set before, unless it stands for "not answered yet", as Koa's 404 does. */
function successStatus({ statusCode }: NodeResponse): number {
  return statusCode >= 200 && statusCode <= 299 ? statusCode : 200
}

/** @throws {@link OptionError} for what is not Node's own, such as the request and the reply of Fastify. */
function checkNode(option: 'request' | 'response', value: NodeRequest | NodeResponse, mark: string): void {
  if (typeof value === 'object' && value !== null && 'raw' in value)
    throw new OptionError(option, value, `the ${option} of Node: pass its property raw`)
  if (typeof value !== 'object' || value === null || !(mark in value))
    throw new OptionError(option, value, `a Node ${option}, as in openEventStream(request, response)`)
}
