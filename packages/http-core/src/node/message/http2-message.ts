import { validateHeaderValue } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { constants } from 'node:http2'
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { WireRequest, WireResponse } from './wire.ts'

/** Fields of HTTP/1.1's connections: a message that has one is malformed (RFC 9113 section 8.2.2). */
const connectionFields = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/**
 * The request of an HTTP/2 stream in the form of HTTP/1.1: the target, and fields without pseudo-header fields, with
 * `:authority` as Host (RFC 9113 section 8.3.1).
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
  /** What is wrong with the fields, if something is. */
  readonly fault: string | undefined

  /** @param received - Names and values in turn, as they came. */
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
    // The absolute-form is HTTP/1.1's.
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
    // Node ends a stream that the client has given up.
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
      // What node:http does by itself.
      validateHeaderValue(name, value)
      const present = fields[name]
      if (present === undefined) fields[name] = value
      else fields[name] = Array.isArray(present) ? [...present, value] : [String(present), value]
    }
    this.#statusCode = status
    // END_STREAM then comes in a frame of its own, a turn later, as Node's own responses send it. Until then nghttp2 knows the
    // stream, and refuses what the client sends behind its own END_STREAM (RFC 9113 section 5.1, half-closed (remote));
    // behind the end of a stream it ignores everything.
    this.stream.respond(fields, { waitForTrailers: true })
    this.stream.once('wantTrailers', sendNoTrailers)
  }

  writeContinue(): void {
    this.stream.additionalHeaders({ ':status': 100 })
  }

  /** `respond` has sent them. */
  flushHeaders(): void {}

  write(chunk: string | Uint8Array): boolean {
    return this.stream.write(chunk)
  }

  end(content?: string | Uint8Array): void {
    const { stream } = this
    if (content === undefined) stream.end()
    else stream.end(content)
    // RFC 9113 section 8.1: the client may stop sending, and nothing went wrong.
    if (!stream.readableEnded && stream.readableFlowing !== null) {
      stream.once('finish', () => {
        if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
      })
    }
  }

  /** Gives the stream up; the other streams of the connection go on. */
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
 * Gives a stream up, with what is still to be sent: RST_STREAM with internalError. Node's `close(code)` would end the
 * content cleanly first, and the client could take the part for the whole.
 */
export function resetStream(stream: ServerHttp2Stream): void {
  stream.destroy(new Error('The stream is given up'))
}

/** As `Headers` joins them; but pieces of a cookie by a semicolon (RFC 9113 section 8.2.3). */
function addField(headers: IncomingHttpHeaders, name: string, value: string): void {
  const present = headers[name]
  headers[name] = typeof present === 'string' ? `${present}${name === 'cookie' ? '; ' : ', '}${value}` : value
}

/** Ends the stream. */
function sendNoTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers({})
}
