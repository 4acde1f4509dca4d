import { validateHeaderValue } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { constants } from 'node:http2'
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { WireRequest, WireResponse } from './wire.ts'

/** Connection-specific fields of HTTP/1.1. An HTTP/2 message with such a field is malformed (RFC 9113 section 8.2.2). */
const connectionFields = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/**
 * The request of an HTTP/2 stream in the form of HTTP/1.1: with a request target, without pseudo-header fields, and with
 * `:authority` as the Host field (RFC 9113 section 8.3.1).
 */
export class Http2Request implements WireRequest {
  readonly stream: ServerHttp2Stream
  readonly socket: Socket
  readonly httpVersion = '2.0'
  readonly httpVersionMajor = 2
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly hasContent: boolean
  /** The reason to refuse the request; undefined if its fields are valid. */
  readonly fault: string | undefined

  /** @param received - Alternating names and values, as received. */
  constructor(stream: ServerHttp2Stream, socket: Socket, received: readonly string[]) {
    this.stream = stream
    this.socket = socket
    this.hasContent = !stream.endAfterHeaders
    const pseudo = new Map<string, string>()
    const rawHeaders: string[] = []
    const headers: IncomingHttpHeaders = Object.create(null)
    let fault: string | undefined
    for (let index = 0; index < received.length; index += 2) {
      const name = received[index] ?? ''
      const value = received[index + 1] ?? ''
      if (name.startsWith(':')) {
        pseudo.set(name, value)
        continue
      }
      if (connectionFields.has(name)) fault = `the field ${name}`
      if (name === 'te' && value.toLowerCase() !== 'trailers') fault = 'the field te'
      rawHeaders.push(name, value)
      addField(headers, name, value)
    }
    const authority = pseudo.get(':authority')
    if (authority !== undefined) {
      if (headers.host === undefined) {
        headers.host = authority
        rawHeaders.push('host', authority)
      } else if (headers.host.toLowerCase() !== authority.toLowerCase()) {
        fault = 'a Host field other than :authority'
      }
    }
    const target = pseudo.get(':path') ?? ''
    // Only HTTP/1.1 has the absolute-form.
    if (!target.startsWith('/') && target !== '*') fault = 'a :path that is not a path'
    this.method = pseudo.get(':method') ?? ''
    this.url = target
    this.headers = headers
    this.rawHeaders = rawHeaders
    this.fault = fault
  }

  get complete(): boolean {
    return this.stream.readableEnded
  }

  get destroyed(): boolean {
    return this.stream.destroyed
  }

  get readableEnded(): boolean {
    return this.stream.readableEnded
  }

  on(event: string, listener: (chunk: Buffer) => void): this {
    this.stream.on(event, listener)
    return this
  }

  off(event: string, listener: (chunk: Buffer) => void): this {
    this.stream.off(event, listener)
    return this
  }

  pause(): void {
    this.stream.pause()
  }

  resume(): void {
    this.stream.resume()
  }

  destroy(): void {
    resetStream(this.stream)
  }
}

/** The response of an HTTP/2 stream. */
export class Http2Response implements WireResponse {
  readonly stream: ServerHttp2Stream
  #statusCode = 200

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream
  }

  get statusCode(): number {
    return this.#statusCode
  }

  get headersSent(): boolean {
    return this.stream.headersSent
  }

  get destroyed(): boolean {
    return this.stream.destroyed || this.stream.closed
  }

  get closed(): boolean {
    return this.stream.destroyed
  }

  get writableEnded(): boolean {
    return this.stream.writableEnded && !this.stream.aborted
  }

  get writableFinished(): boolean {
    // Node also ends a stream that the client has reset.
    return this.stream.writableFinished && !this.stream.aborted
  }

  get writableNeedDrain(): boolean {
    return this.stream.writableNeedDrain
  }

  get writableLength(): number {
    return this.stream.writableLength
  }

  writeHead(status: number, _statusText: string, flat: string[]): void {
    const fields: OutgoingHttpHeaders = { ':status': status }
    for (let index = 0; index < flat.length; index += 2) {
      const name = (flat[index] ?? '').toLowerCase()
      const value = flat[index + 1] ?? ''
      if (connectionFields.has(name)) continue
      // node:http does this check itself.
      validateHeaderValue(name, value)
      const present = fields[name]
      if (present === undefined) fields[name] = value
      else fields[name] = Array.isArray(present) ? [...present, value] : [String(present), value]
    }
    this.#statusCode = status
    // With `waitForTrailers`, END_STREAM is sent in a separate frame a turn later, as in Node's own responses. Until then
    // nghttp2 knows the stream and refuses frames that the client sends after its own END_STREAM (RFC 9113 section 5.1,
    // half-closed (remote)). After the end of a stream it would ignore them.
    this.stream.respond(fields, { waitForTrailers: true })
    this.stream.once('wantTrailers', sendNoTrailers)
  }

  writeContinue(): void {
    this.stream.additionalHeaders({ ':status': 100 })
  }

  /** Does nothing: `respond` has already sent the headers. */
  flushHeaders(): void {}

  write(chunk: string | Uint8Array): boolean {
    return this.stream.write(chunk)
  }

  end(content?: string | Uint8Array): void {
    const { stream } = this
    if (content === undefined) stream.end()
    else stream.end(content)
    // RFC 9113 section 8.1: NO_ERROR tells the client that it may stop sending and that nothing went wrong.
    if (!stream.readableEnded && stream.readableFlowing !== null) {
      stream.once('finish', () => {
        if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
      })
    }
  }

  /** Resets this stream. The other streams of the connection continue. */
  reset(): void {
    resetStream(this.stream)
  }

  once(event: 'close' | 'drain', listener: () => void): this {
    this.stream.once(event, listener)
    return this
  }

  off(event: 'close' | 'drain', listener: () => void): this {
    this.stream.off(event, listener)
    return this
  }
}

/**
 * Resets a stream with RST_STREAM (INTERNAL_ERROR) and drops its queued data. Node's `close(code)` would first end the
 * content cleanly, and the client could mistake the part for the whole.
 */
export function resetStream(stream: ServerHttp2Stream): void {
  stream.destroy(new Error('The server reset the stream'))
}

/** Joins repeated fields as `Headers` does, except that parts of a cookie are joined by a semicolon (RFC 9113 section 8.2.3). */
function addField(headers: IncomingHttpHeaders, name: string, value: string): void {
  const present = headers[name]
  headers[name] = typeof present === 'string' ? `${present}${name === 'cookie' ? '; ' : ', '}${value}` : value
}

/** Ends the stream. */
function sendNoTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers({})
}
