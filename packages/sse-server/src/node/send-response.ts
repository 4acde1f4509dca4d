import { byteSourceSymbol } from '../connection/byte-sink.ts'
import type { ByteSource } from '../connection/byte-sink.ts'
import { OptionError } from '../errors/option-error.ts'
import { joinBytes } from '../connection/frame.ts'
import { attachToResponse } from './attach-to-response.ts'
import { listenForClose } from './node-response.ts'
import type { NodeResponse } from './node-response.ts'
import { sendHead } from './send-head.ts'

/**
 * Sends a web Response, such as `respond` and `hub.subscribe` return, on a Node response.
 *
 * Fields set on the Node response before stay. The body is read as fast as the client reads, and cancelled when the
 * client leaves; for a HEAD request, and for a status that has no content, it is not read at all.
 *
 * @returns a promise that resolves when the response is over, whether it was sent whole or the client left.
 * @throws {@link ResponseStateError} `code: 'head-sent'` if the response has been begun.
 * @throws {@link OptionError} if it is given no Response, but a promise of one.
 * @throws the body's own error, if it fails; the connection is destroyed then, so that the client notices.
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { respond } from '@sse-toolkit/sse-server'
 * import { sendResponse } from '@sse-toolkit/sse-server/node'
 *
 * const server = createServer((req, res) => {
 *   void sendResponse(res, respond([{ data: 'hello' }]))
 * })
 * server.close()
 * ```
 */
export function sendResponse(target: NodeResponse, response: Response): Promise<void> {
  // Not an async function: one that waits keeps its arguments, and so the Response of each open stream, alive.
  try {
    if (typeof (response as Partial<Response> | null)?.status !== 'number')
      throw new OptionError('response', response, 'a Response')
    sendHead(target, response.status, response.statusText, response.headers)
  } catch (error) {
    return Promise.reject(error)
  }
  const { body } = response
  if (body === null || hasNoContent(target, response.status)) return endEmpty(target, body)
  const source = byteSourceOf(response)
  if (source === undefined) return pipe(body, target)
  attachToResponse(target, (sink) => source.attach(sink))
  return untilOver(target)
}

async function endEmpty(target: NodeResponse, body: ReadableStream | null): Promise<void> {
  await body?.cancel()
  target.end()
  await untilOver(target)
}

function untilOver(target: NodeResponse): Promise<void> {
  return new Promise((resolve) => listenForClose(target, resolve))
}

/** RFC 9110 sections 9.3.2, 15.3.5 and 15.4.5. */
export function hasNoContent(target: NodeResponse, status: number): boolean {
  return target.req.method === 'HEAD' || status === 204 || status === 304
}

/** What an event stream's response offers a server that knows it. */
export function byteSourceOf(response: Response): ByteSource | undefined {
  return byteSourceSymbol in response ? (response[byteSourceSymbol] as ByteSource) : undefined
}

async function pipe(body: ReadableStream<Uint8Array>, target: NodeResponse): Promise<void> {
  const reader = body.getReader()
  let reading = true
  let cancelled: Promise<void> | undefined
  let room = Promise.withResolvers<void>()
  const sink = attachToResponse(target, () => ({
    drained: () => room.resolve(),
    closed: () => {
      // Also settles a read that is pending: a body that waits for something must not outlive its client.
      if (reading) cancelled = reader.cancel()
      room.resolve()
    },
  }))
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (cancelled !== undefined) break
      if (done) {
        reading = false
        sink.close()
        break
      }
      if (!sink.write(joinBytes([value]))) {
        await room.promise
        room = Promise.withResolvers()
      }
    }
  } catch (error) {
    reading = false
    sink.abort()
    throw error
  }
  await (cancelled ?? untilOver(target))
}
