import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
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
  if (response.closed || response.destroyed) {
    queueMicrotask(closed)
    return
  }
  response.once('close', closed)
  // A response that waits behind another one in a pipeline has no socket yet, and Node 22 closes it with none.
  if (!isHttp2(response) && response.socket === null) {
    listenWhileWaiting(response, () => {
      response.off('close', closed)
      closed()
    })
  }
}

/** By connection: what to call when it closes, for each response that waits. One listener, however long the pipeline is. */
const waitingOn = new WeakMap<Socket, Map<() => void, ServerResponse>>()

function listenWhileWaiting(response: ServerResponse, closed: () => void): void {
  const { socket } = response.req
  if (socket.destroyed) {
    queueMicrotask(closed)
    return
  }
  let waiting = waitingOn.get(socket)
  if (waiting === undefined) {
    waiting = new Map()
    waitingOn.set(socket, waiting)
    socket.once('close', closeWaiting)
  }
  const entries = waiting.set(closed, response)
  response.once('close', () => {
    entries.delete(closed)
  })
}

function closeWaiting(this: Socket): void {
  for (const [closed, response] of waitingOn.get(this) ?? []) {
    // Once a response has the socket, Node closes it.
    if (response.socket === null) closed()
  }
}

function ignoreError(): void {}
