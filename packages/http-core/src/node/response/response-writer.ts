import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { LightParts } from '../../response/light-response.ts'
import { reasonPhrase } from '../../response/status.ts'
import type { Runtime } from '../../runtime.ts'
import { Http2Response } from '../message/http2-message.ts'
import { destroyUnfinished } from '../message/destroy-unfinished.ts'
import { endsConnection } from '../message/framing.ts'
import { discardContent } from '../message/unread-content.ts'
import type { WireResponse } from '../message/wire.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import { contentLengthError } from './body-pump.ts'
import { responseFields } from './response-fields.ts'
import type { ResponseFields } from './response-fields.ts'

/** The parts of the server that write a response. */
export interface WriterParts {
  readonly settings: {
    readonly serverHeader: string | undefined
    readonly runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>
  }
  /** Aborts when the server begins to stop. */
  readonly closing: AbortSignal
  /** Connections with a response that said `Connection: close`. Later requests on them are not served. */
  readonly closingConnections: WeakSet<Socket>
}

/** How a response has ended. */
export type WriterEnd =
  /** The response is complete. */
  | 'ended'
  /** The response ends once the client has sent its content, or enough of it. */
  | 'delayed'

/** Writes the head of one response, with the fields that frame the message, and its end. */
export class ResponseWriter {
  readonly response: WireResponse
  readonly #parts: WriterParts
  readonly #request: IncomingRequest

  constructor(parts: WriterParts, request: IncomingRequest, response: WireResponse) {
    this.#parts = parts
    this.#request = request
    this.response = response
  }

  /** Writes a response whose content is known. */
  light(given: LightParts): WriterEnd {
    const { content, onlyContentType, status, statusText } = given
    const fields: ResponseFields =
      onlyContentType === undefined
        ? // Only here, because reading `headers` creates them.
          responseFields(given.headers)
        : { flat: ['content-type', onlyContentType], contentLength: undefined, closes: false }
    const length = typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength
    this.#head(status, statusText, fields, length)
    return this.end(this.#request.method === 'HEAD' ? undefined : content)
  }

  /** Writes a response that has no content, or whose content is not sent. */
  headOnly(given: Response): WriterEnd {
    const fields = responseFields(given.headers)
    // RFC 9110 section 8.6: a 204 never has Content-Length. With 304 and HEAD it is the length of the omitted content.
    const isLeftOut = this.#request.method === 'HEAD' || given.status === 304
    const length = given.status === 204 ? undefined : isLeftOut ? fields.contentLength : 0
    this.#head(given.status, given.statusText, fields, length)
    return this.end()
  }

  /**
   * Writes a response whose content has been read to its end.
   *
   * @throws Error if the content does not have the length in `Content-Length`.
   */
  whole(given: Response, chunks: readonly Uint8Array[], size: number): WriterEnd {
    const fields = responseFields(given.headers)
    const { contentLength = size } = fields
    if (contentLength !== size) throw contentLengthError(size < contentLength ? 'shorter' : 'longer')
    this.#head(given.status, given.statusText, fields, size)
    if (this.#request.method === 'HEAD') return this.end()
    return this.end(chunks.length > 1 ? Buffer.concat(chunks, size) : chunks[0])
  }

  /**
   * Writes the head of a response whose content follows piece by piece, and sends the head at once.
   *
   * @param connection - `'close'`: the connection ends with the response.
   * @param length - `'unknown'`: ignore the `Content-Length` of the response.
   * @returns the length that the head promises; undefined if it promises none.
   */
  streamHead(
    given: Response,
    connection: 'close' | 'as-given',
    length: 'given' | 'unknown',
  ): number | undefined {
    const fields = responseFields(given.headers)
    const promised = length === 'given' ? fields.contentLength : undefined
    this.#head(given.status, given.statusText, fields, promised, connection === 'close' || fields.closes)
    this.response.flushHeaders()
    return promised
  }

  /** Ends a response whose head has been written. */
  end(content?: string | Uint8Array): WriterEnd {
    const { response } = this
    const { runtime } = this.#parts.settings
    const { message, unread, isBodyBegun } = this.#request
    if (unread === 'large' && !isBodyBegun) {
      // The head said that the connection closes, so ending the response would close it: wait until content was dropped.
      if (content !== undefined) response.write(content)
      discardContent(message, response, runtime, () => response.end())
      return 'delayed'
    }
    response.end(content)
    if (unread === 'small' && !isBodyBegun) {
      message.resume()
    } else if (unread !== 'none') {
      // The head promised to keep the connection, which is possible if the rest arrives soon.
      discardContent(message, response, runtime)
    }
    return 'ended'
  }

  /** Does the same as {@link cutOff}, after the queued bytes. */
  cutOffBehind(): void {
    const { response } = this
    const cutOff = (): void => this.cutOff()
    if (response instanceof Http2Response) response.stream.write('', cutOff)
    else (response as ServerResponse).write('', cutOff)
  }

  /** Breaks off the response, so that the client cannot mistake the part for the whole. */
  cutOff(): void {
    const { response } = this
    if (response instanceof Http2Response) response.reset()
    // Over HTTP/1.1 this ends the whole connection, because a pipelined response cannot be given up alone.
    else destroyUnfinished(response as ServerResponse, this.#request.message.socket)
  }

  #head(
    status: number,
    statusText: string,
    fields: ResponseFields,
    length: number | undefined,
    closes: boolean = fields.closes,
  ): void {
    const { flat } = fields
    const { closing, closingConnections, settings } = this.#parts
    if (length !== undefined) flat.push('content-length', String(length))
    if (settings.serverHeader !== undefined) flat.push('server', settings.serverHeader)
    const isContentUnwanted = !this.#request.isBodyBegun && this.#request.unread === 'large'
    let connection: 'close' | 'upgrade, close' | undefined
    const { message } = this.#request
    if (status === 426 && fields.upgrade !== undefined) {
      // RFC 9110 section 15.5.22
      flat.push('upgrade', fields.upgrade)
      connection = 'upgrade, close'
    } else if (closes || isContentUnwanted || closing.aborted || endsConnection(message)) {
      connection = 'close'
    }
    if (connection !== undefined) {
      flat.push('connection', connection)
      closingConnections.add(message.socket)
    }
    // Always pass the text, because a head that could not be sent leaves its status text in Node's response.
    this.response.writeHead(status, statusText === '' ? (reasonPhrase(status) ?? '') : statusText, flat)
  }
}
