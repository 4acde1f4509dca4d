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

/** What writing a response needs. */
export interface WriterParts {
  readonly settings: {
    readonly serverHeader: string | undefined
    readonly runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>
  }
  /** Aborts when the server begins to stop. */
  readonly closing: AbortSignal
  /** Connections on which a response said `Connection: close`: requests behind it are not served. */
  readonly closingConnections: WeakSet<Socket>
}

/** The ends that a response can come to. */
export type WriterEnd =
  /** Nothing more is to be done. */
  | 'ended'
  /** The response ends once the client has sent its content, or enough of it. */
  | 'delayed'

/** Writes one response: its head with the fields that frame it, and its end. */
export class ResponseWriter {
  readonly response: WireResponse
  readonly #parts: WriterParts
  readonly #request: IncomingRequest

  constructor(parts: WriterParts, request: IncomingRequest, response: WireResponse) {
    this.#parts = parts
    this.#request = request
    this.response = response
  }

  /** A response whose content is known. */
  light(given: LightParts): WriterEnd {
    const { content, onlyContentType, status, statusText } = given
    const fields: ResponseFields =
      onlyContentType === undefined
        ? // Not before: asking for them makes them.
          responseFields(given.headers)
        : { flat: ['content-type', onlyContentType], contentLength: undefined, closes: false }
    const length = typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength
    this.#head(status, statusText, fields, length)
    return this.end(this.#request.method === 'HEAD' ? undefined : content)
  }

  /** A response that has no content, or whose content is not sent. */
  headOnly(given: Response): WriterEnd {
    const fields = responseFields(given.headers)
    // RFC 9110 section 8.6: never with 204; with 304 and for HEAD it tells the length of what is not sent.
    const isLeftOut = this.#request.method === 'HEAD' || given.status === 304
    const length = given.status === 204 ? undefined : isLeftOut ? fields.contentLength : 0
    this.#head(given.status, given.statusText, fields, length)
    return this.end()
  }

  /**
   * A response whose content has been read to its end.
   *
   * @throws Error if that is not as long as its `Content-Length` says.
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
   * The head of a response whose content follows piece by piece. It leaves at once.
   *
   * @param connection - `'close'`: the connection ends with the response.
   * @param length - `'unknown'` if the response's own `Content-Length` does not hold.
   * @returns the length that the head promises.
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

  /** The end of a response whose head has been written. */
  end(content?: string | Uint8Array): WriterEnd {
    const { response } = this
    const { runtime } = this.#parts.settings
    const { message, unread, isBodyBegun } = this.#request
    if (unread === 'large' && !isBodyBegun) {
      // The head said that the connection closes, and it does at the end of the response: that has to wait.
      if (content !== undefined) response.write(content)
      discardContent(message, response, runtime, () => response.end())
      return 'delayed'
    }
    response.end(content)
    if (unread === 'small' && !isBodyBegun) {
      message.resume()
    } else if (unread !== 'none') {
      // The head promised to keep the connection; that holds if the rest comes soon.
      discardContent(message, response, runtime)
    }
    return 'ended'
  }

  /** As {@link cutOff}, after what is queued. */
  cutOffBehind(): void {
    const { response } = this
    const cutOff = (): void => this.cutOff()
    if (response instanceof Http2Response) response.stream.write('', cutOff)
    else (response as ServerResponse).write('', cutOff)
  }

  /** Gives up what has begun, so that the client cannot take the part for the whole. */
  cutOff(): void {
    const { response } = this
    if (response instanceof Http2Response) response.reset()
    // The connection: a response behind another one could not be given up alone.
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
    // Always named: a head that could not be sent leaves its own text behind in Node's response.
    this.response.writeHead(status, statusText === '' ? (reasonPhrase(status) ?? '') : statusText, flat)
  }
}
