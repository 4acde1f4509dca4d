import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { ByteSink, ByteSinkListener } from '../connection/byte-sink.ts'

/** A response of node:http, node:https or node:http2, and so of every framework on top of them. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** The request to it. */
export type NodeRequest = IncomingMessage | Http2ServerRequest

/** A Node response as an output, and how to learn what becomes of it. */
export interface ResponseByteSink extends ByteSink {
  /** Called once, right after the source has been attached. */
  listen(listener: ByteSinkListener): void
}

export function isHttp2(response: NodeResponse): response is Http2ServerResponse {
  return response.req.httpVersionMajor === 2
}

/** Tells `closed` once when the response is over, however it ended. */
export function listenForClose(response: NodeResponse, closed: () => void): void {
  // Errors (a reset, a write that came too late) are all followed by 'close', which is what counts here; but an
  // 'error' without a listener ends the process.
  response.on('error', ignoreError)
  if (response.closed || response.destroyed) queueMicrotask(closed)
  else response.once('close', closed)
}

function ignoreError(): void {}
