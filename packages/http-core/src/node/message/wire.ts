import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The request half of an exchange: node:http's `IncomingMessage` as it is, or {@link Http2Request}.
 *
 * Fields that came several times are joined as `Headers` does; there are no pseudo-header fields among them.
 */
export interface WireRequest {
  readonly method?: string | undefined
  /** The request target. */
  readonly url?: string | undefined
  readonly httpVersion: string
  readonly httpVersionMajor: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  /** The connection, which over HTTP/2 other exchanges share. */
  readonly socket: Socket
  /** Whether there is content, where the framing says so; in HTTP/1.1 the fields do. */
  readonly hasContent?: boolean | undefined
  /** Whether the content has come whole. */
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

/** The response half: node:http's `ServerResponse` as it is, or {@link Http2Response}. */
export interface WireResponse {
  readonly headersSent: boolean
  readonly destroyed: boolean
  readonly closed: boolean
  readonly writableEnded: boolean
  readonly writableFinished: boolean
  readonly writableNeedDrain: boolean
  readonly writableLength: number
  readonly statusCode: number
  /** @param flat - Names and values in turn. `connection` and its like are HTTP/1.1's; HTTP/2 leaves them out. */
  writeHead(status: number, statusText: string, flat: string[]): unknown
  writeContinue(): void
  flushHeaders(): void
  write(chunk: string | Uint8Array): boolean
  end(content?: string | Uint8Array): unknown
  once(event: 'close' | 'drain', listener: () => void): unknown
  off(event: 'close' | 'drain', listener: () => void): unknown
}

/** Calls back when the response is over, or its connection is gone: exactly once. */
export function onceClosed(response: WireResponse, { socket }: WireRequest, listener: () => void): void {
  response.once('close', listener)
  // Node 22 does not close responses that wait behind another when their connection goes.
  if ((response as ServerResponse).socket !== null) return
  socket.once('close', listener)
  response.once('close', () => {
    socket.off('close', listener)
  })
}
