import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The request half of an exchange: an `IncomingMessage` of node:http, or an {@link Http2Request}.
 *
 * Repeated fields are joined as `Headers` joins them. There are no pseudo-header fields.
 */
export interface WireRequest {
  readonly method?: string | undefined
  /** The request target. */
  readonly url?: string | undefined
  readonly httpVersion: string
  readonly httpVersionMajor: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  /** The connection. Over HTTP/2 other exchanges share it. */
  readonly socket: Socket
  /** Whether the request has content, according to HTTP/2's framing; undefined over HTTP/1.1, where the fields say so. */
  readonly hasContent?: boolean | undefined
  /** Whether all of the content has arrived. */
  readonly complete: boolean
  readonly destroyed: boolean
  readonly readableEnded: boolean
  on(event: 'data', listener: (chunk: Buffer) => void): this
  on(event: 'end' | 'close' | 'error', listener: () => void): this
  off(event: 'data', listener: (chunk: Buffer) => void): this
  off(event: 'end' | 'close' | 'error', listener: () => void): this
  pause(): unknown
  resume(): unknown
  destroy(): unknown
}

/** The response half of an exchange: a `ServerResponse` of node:http, or an {@link Http2Response}. */
export interface WireResponse {
  readonly headersSent: boolean
  readonly destroyed: boolean
  readonly closed: boolean
  readonly writableEnded: boolean
  readonly writableFinished: boolean
  readonly writableNeedDrain: boolean
  readonly writableLength: number
  readonly statusCode: number
  /** @param flat - Alternating names and values. HTTP/2 leaves out connection-specific fields such as `connection`. */
  writeHead(status: number, statusText: string, flat: string[]): unknown
  writeContinue(): void
  flushHeaders(): void
  write(chunk: string | Uint8Array): boolean
  end(content?: string | Uint8Array): unknown
  once(event: 'close' | 'drain', listener: () => void): unknown
  off(event: 'close' | 'drain', listener: () => void): unknown
}

/** Calls `listener` exactly once, when the response has ended or its connection has closed. */
export function onceClosed(response: WireResponse, { socket }: WireRequest, listener: () => void): void {
  response.once('close', listener)
  // When a connection closes, Node 22 does not close pipelined responses that wait behind another.
  if ((response as ServerResponse).socket !== null) return
  socket.once('close', listener)
  response.once('close', () => {
    socket.off('close', listener)
  })
}
