import type { IncomingMessage, ServerResponse } from 'node:http'
import { byteSourceOf } from '../byte-source.ts'
import type { ByteSource } from '../byte-source.ts'
import { Context } from '../context.ts'
import { asHttpError, httpErrorResponse } from '../errors/http-error.ts'
import { lightPartsOf, textResponse } from '../light-response.ts'
import type { LightParts } from '../light-response.ts'
import { assertResponse, isResponse } from '../response-head.ts'
import { hasNoContent, reasonPhrase } from '../status.ts'
import type { Admitted } from './admission.ts'
import { BodyPump, contentLengthError } from './body-pump.ts'
import type { PumpTarget } from './body-pump.ts'
import { connectionUpgradeOf } from './connection-upgrade.ts'
import type { ConnectionUpgrade, Upgradable } from './connection-upgrade.ts'
import { channels } from './diagnostics.ts'
import type { RequestEndEvent, RequestFailedEvent, RequestStartEvent } from './diagnostics.ts'
import { Http1ByteSink } from './http1-byte-sink.ts'
import { Http2ByteSink } from './http2-byte-sink.ts'
import { Http2Response } from './http2-message.ts'
import { IncomingRequest } from './incoming-request.ts'
import { lightRequest, nativeRequest } from './light-request.ts'
import { goneError } from './request-body.ts'
import { responseFields } from './response-fields.ts'
import type { ResponseFields } from './response-fields.ts'
import type { OpenStream, ServerCore } from './server-core.ts'
import { canTakeSocket, takeSocket } from './socket-handover.ts'
import { discardContent } from './unread-content.ts'
import type { WireRequest, WireResponse } from './wire.ts'

/**
 * One request and its response: runs the handler and sends what it answers.
 *
 *     serve -> handler -> respond +-> light response -----> one writeHead + end
 *                                 +-> no content ---------> one writeHead + end
 *                                 +-> byte source --------> head, then a sink in place of the body
 *                                 +-> body ---------------> BodyPump: gathered whole, or streamed
 *                                 +-> upgrade ------------> the connection is given away
 *
 * An exchange that is answered before `serve` returns leaves nothing behind, no listener either. Every other one listens
 * to the response's 'close', which comes exactly once, however it ends.
 */
export class Exchange implements PumpTarget, OpenStream {
  readonly response: WireResponse
  readonly #core: ServerCore
  readonly #request: IncomingRequest
  /** The connection, if a response may take it over. */
  readonly #upgradable: Upgradable | undefined
  /** The response that a pump is reading; until its head has been sent. */
  #given: Response | undefined
  /** What must hear of the connection's end. */
  #stream: BodyPump | Http1ByteSink | Http2ByteSink | undefined
  #isEventStream = false
  #isUpgraded = false
  #isFailing = false
  #isWatched = false
  #isOver = false

  constructor(
    core: ServerCore,
    message: WireRequest,
    response: WireResponse,
    admitted: Admitted,
    expects: 'continue' | undefined,
    upgradable?: Upgradable,
  ) {
    this.#core = core
    this.response = response
    this.#upgradable = upgradable
    this.#request = new IncomingRequest(core, message, response, admitted, expects)
  }

  serve(): void {
    const core = this.#core
    const source = this.#request
    core.requestsInFlight += 1
    if (channels.requestStart.hasSubscribers) {
      const { message, url } = source
      channels.requestStart.publish({ message, url } satisfies RequestStartEvent)
    }
    let answer: Response | Promise<Response>
    try {
      const request = core.requests === 'light' ? lightRequest(source) : nativeRequest(source)
      answer = core.fetch(request, new Context(source))
    } catch (error) {
      this.#handlerFailed(error)
      return
    }
    if (isThenable(answer)) void this.#respondLater(answer)
    else this.#respond(answer)
  }

  async #respondLater(answer: Promise<Response>): Promise<void> {
    this.#watch()
    let given: Response
    try {
      given = await answer
    } catch (error) {
      this.#handlerFailed(error)
      return
    }
    this.#respond(given)
  }

  #handlerFailed(error: unknown): void {
    const answer = asHttpError(error)
    if (answer !== undefined && !this.#isFailing) {
      this.#respond(httpErrorResponse(answer))
      return
    }
    if (this.response.destroyed && error instanceof Error && error.name === 'AbortError') {
      // What it was doing was aborted because its client went away: as it should be.
      if (!this.#isWatched) this.#over()
      return
    }
    this.#report('handler-failed', error, 'The handler failed')
    if (this.#isFailing) {
      // Not even the 500 can be sent.
      this.#cutOff()
      return
    }
    this.#isFailing = true
    this.#respond(textResponse('Internal Server Error\n', { status: 500 }))
  }

  #respond(given: Response): void {
    const { response } = this
    if (response.headersSent || response.destroyed) {
      // The client went away, or the connection has been answered for a fault on it.
      this.#discard(given, goneError())
      if (!this.#isWatched) this.#over()
      return
    }
    try {
      assertResponse(given)
      const light = lightPartsOf(given)
      if (light !== undefined) {
        this.#sendLight(light)
        return
      }
      const upgrade = this.#upgradable === undefined ? undefined : connectionUpgradeOf(given)
      if (upgrade !== undefined && this.#upgradable !== undefined) {
        this.#giveAway(given, upgrade, this.#upgradable)
        return
      }
      // A content coding is applied to the body, which the source would go around.
      const source = given.headers.has('content-encoding') ? undefined : byteSourceOf(given)
      const isContentLeftOut = this.#request.method === 'HEAD' || hasNoContent(given.status)
      if (isContentLeftOut || (source === undefined && given.body === null)) this.#sendHeadOnly(given)
      else if (source === undefined) this.#sendBody(given)
      else this.#sendSource(given, source)
    } catch (error) {
      this.#discard(given, error)
      this.failed(error)
    }
  }

  // The ways to send.

  #sendLight(light: LightParts): void {
    const { content, onlyContentType } = light
    const fields: ResponseFields =
      onlyContentType === undefined
        ? responseFields(light.headers)
        : { flat: ['content-type', onlyContentType], contentLength: undefined, closes: false }
    const length = typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength
    this.#writeHead(light.status, light.statusText, fields, length)
    this.#end(this.#request.method === 'HEAD' ? undefined : content)
  }

  #sendHeadOnly(given: Response): void {
    const fields = responseFields(given.headers)
    // RFC 9110 section 8.6: never with 204; with 304 and for HEAD it tells the length of what is not sent.
    const isLeftOut = this.#request.method === 'HEAD' || given.status === 304
    const length = given.status === 204 ? undefined : isLeftOut ? fields.contentLength : 0
    this.#writeHead(given.status, given.statusText, fields, length)
    this.#discard(given, new DOMException('The response is sent without content', 'AbortError'))
    this.#end()
  }

  #sendBody(given: Response): void {
    if (given.body === null || given.bodyUsed) throw new TypeError('The body of the response has been read')
    const pump = new BodyPump(this, given.body as ReadableStream<Uint8Array>)
    this.#given = given
    this.#stream = pump
    this.#watch()
    pump.start(isEventStream(given) ? 'at-once' : 'gather')
  }

  #sendSource(given: Response, source: ByteSource): void {
    this.#watch()
    const fields = responseFields(given.headers)
    const mayHandOver = this.#mayHandOver(given)
    this.#writeHead(given.status, given.statusText, fields, undefined, mayHandOver || fields.closes)
    this.response.flushHeaders()
    const { response } = this
    const sink =
      response instanceof Http2Response
        ? new Http2ByteSink(response.stream, this)
        : new Http1ByteSink(response as ServerResponse, this)
    this.#stream = sink
    sink.listen(source.attach(sink))
    this.#opened(given)
    // Not before the parser is done with the request.
    if (mayHandOver && sink instanceof Http1ByteSink) {
      this.#core.settings.runtime.endOfTurn(() => {
        this.#handOver(sink)
      })
    }
  }

  #giveAway(
    given: Response,
    upgrade: ConnectionUpgrade,
    { message, response, socket, head }: Upgradable,
  ): void {
    const fields = responseFields(given.headers).flat
    upgrade.prepare?.()
    this.#watch()
    this.#isUpgraded = true
    response.detachSocket(message.socket)
    const failed = (error: unknown): void => {
      this.#report('handler-failed', error, 'The handler of an upgraded connection failed')
    }
    let taken: OpenStream
    try {
      taken = upgrade.take({ message, socket, head, fields, failed })
    } catch (error) {
      failed(error)
      socket.destroy()
      response.emit('close')
      return
    }
    this.#core.streamOpened(taken)
    socket.once('close', () => {
      this.#core.streamClosed(taken)
      response.emit('close')
    })
  }

  /** Whether the connection is to be the sink's, and to close with it: the head has to say so. */
  #mayHandOver(given: Response): boolean {
    return (
      this.#core.settings.socketHandover === 'auto' &&
      isEventStream(given) &&
      // Whoever wants to hear of the end wants to hear which request's it was.
      !channels.requestEnd.hasSubscribers &&
      this.#request.unread === 'none' &&
      !(this.response instanceof Http2Response) &&
      canTakeSocket(this.#request.message as IncomingMessage, this.response as ServerResponse)
    )
  }

  /** Leaves the connection to the sink: of the exchange, nothing need stay in memory while the stream is open. */
  #handOver(sink: Http1ByteSink): void {
    const { response } = this
    const { message } = this.#request
    if (this.#isOver || !sink.canBeHandedOver || channels.requestEnd.hasSubscribers) return
    const socket = takeSocket(message as IncomingMessage, response as ServerResponse)
    if (socket === undefined) return
    // Nothing more is read as a request.
    this.#core.closingConnections.delete(socket)
    this.#request.handOver(sink)
    this.#request.end()
    this.#core.streamClosed(this)
    this.#core.streamOpened(sink)
    sink.handOver(socket, this.#core.handedOver)
  }

  // PumpTarget: what becomes of a body.

  sendWhole(chunks: readonly Uint8Array[], size: number): void {
    const given = this.#given
    if (given === undefined) return
    this.#given = undefined
    try {
      const fields = responseFields(given.headers)
      const { contentLength = size } = fields
      if (contentLength !== size) throw contentLengthError(size < contentLength ? 'shorter' : 'longer')
      this.#writeHead(given.status, given.statusText, fields, size)
    } catch (error) {
      this.failed(error)
      return
    }
    this.#end(chunks.length > 1 ? Buffer.concat(chunks, size) : chunks[0])
  }

  beginStream(): number | undefined {
    const given = this.#given
    if (given === undefined) return undefined
    this.#given = undefined
    const fields = responseFields(given.headers)
    this.#writeHead(given.status, given.statusText, fields, fields.contentLength)
    this.response.flushHeaders()
    this.#opened(given)
    return fields.contentLength
  }

  endStream(): void {
    this.#end()
  }

  failed(error: unknown): void {
    if (this.response.headersSent) {
      this.#report('body-failed', error, 'The body of a response failed')
      this.#cutOff()
    } else {
      this.#stream = undefined
      this.#handlerFailed(error)
    }
  }

  // OpenStream: the server stops.

  end(): void {
    const stream = this.#stream
    if (stream instanceof BodyPump) {
      this.#cancel(stream, new DOMException('The server is stopping', 'AbortError'))
      this.#end()
    } else {
      stream?.close()
    }
  }

  #opened(given: Response): void {
    if (!isEventStream(given) || this.#isOver) return
    this.#isEventStream = true
    this.#core.streamOpened(this)
  }

  // The wire.

  #writeHead(
    status: number,
    statusText: string,
    fields: ResponseFields,
    length: number | undefined,
    closes: boolean = fields.closes,
  ): void {
    const { flat } = fields
    const { serverHeader } = this.#core.settings
    if (length !== undefined) flat.push('content-length', String(length))
    if (serverHeader !== undefined) flat.push('server', serverHeader)
    const isContentUnwanted = !this.#request.isBodyBegun && this.#request.unread === 'large'
    let connection: 'close' | 'upgrade, close' | undefined
    if (closes || isContentUnwanted || this.#core.closing.aborted) {
      connection = 'close'
    } else if (status === 426 && fields.upgrade !== undefined) {
      // RFC 9110 section 15.5.22
      flat.push('upgrade', fields.upgrade)
      connection = 'upgrade, close'
    }
    if (connection !== undefined) {
      flat.push('connection', connection)
      this.#core.closingConnections.add(this.#request.message.socket)
    }
    // Always named: a head that could not be sent leaves its own text behind in Node's response.
    this.response.writeHead(status, statusText === '' ? (reasonPhrase(status) ?? '') : statusText, flat)
  }

  #end(content?: string | Uint8Array): void {
    const { response } = this
    const { message, unread, isBodyBegun } = this.#request
    if (unread === 'large' && !isBodyBegun) {
      // The head said that the connection closes, and it does at the end of the response: that has to wait.
      if (content !== undefined) response.write(content)
      this.#watch()
      discardContent(message, response, this.#core.settings.runtime, () => response.end())
      return
    }
    response.end(content)
    if (unread === 'small' && !isBodyBegun) {
      message.resume()
    } else if (unread !== 'none') {
      // The head promised to keep the connection; that holds if the rest comes soon.
      discardContent(message, response, this.#core.settings.runtime)
    }
    if (!this.#isWatched) this.#over()
  }

  /** Gives up what has begun, so that the client cannot take the part for the whole. */
  #cutOff(): void {
    const { response } = this
    if (response instanceof Http2Response) response.reset()
    // The connection: a response behind another one could not be given up alone.
    else this.#request.message.socket.destroy()
  }

  // The end, however it comes.

  #watch(): void {
    if (this.#isWatched) return
    this.#isWatched = true
    this.#core.pipelines.enter(this.#request.message.socket)
    const onClose = (): void => {
      this.#onClose()
    }
    this.response.once('close', onClose)
    // Node 22 does not close responses that wait behind another when their connection goes.
    if ((this.response as ServerResponse).socket === null) {
      const { socket } = this.#request.message
      socket.once('close', onClose)
      this.response.once('close', () => {
        socket.off('close', onClose)
      })
    }
  }

  #onClose(): void {
    if (!this.response.writableFinished) this.#request.abort()
    const stream = this.#stream
    this.#stream = undefined
    if (stream instanceof BodyPump) this.#cancel(stream, goneError())
    else stream?.closed()
    this.#over()
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#core.requestsInFlight -= 1
    this.#request.end()
    if (this.#isEventStream) this.#core.streamClosed(this)
    if (channels.requestEnd.hasSubscribers) {
      const { message, url } = this.#request
      const status = this.#isUpgraded ? 101 : this.response.statusCode
      const outcome = this.#isUpgraded || this.response.writableEnded ? 'completed' : 'aborted'
      channels.requestEnd.publish({ message, url, status, outcome } satisfies RequestEndEvent)
    }
    if (!this.#isWatched) return
    this.#core.pipelines.leave(this.#request.message.socket)
    this.#core.exchangeEnded()
  }

  #cancel(pump: BodyPump, reason: unknown): void {
    pump.cancel(reason, (error) => {
      this.#report('body-failed', error, 'The body of a response failed when it was cancelled')
    })
  }

  /** Lets go of a response that will not be sent, or not whole. */
  #discard(given: unknown, reason: unknown): void {
    if (!isResponse(given) || lightPartsOf(given) !== undefined) return
    const { body } = given
    if (body === null || body.locked) return
    body.cancel(reason).catch((error: unknown) => {
      this.#report('body-failed', error, 'The body of a response failed when it was cancelled')
    })
  }

  #report(event: 'handler-failed' | 'body-failed', error: unknown, text: string): void {
    const { message, url } = this.#request
    this.#core.log.error({ event, error, method: message.method, target: message.url }, text)
    if (channels.requestFailed.hasSubscribers) {
      channels.requestFailed.publish({ message, url, error } satisfies RequestFailedEvent)
    }
  }
}

function isThenable(answer: Response | Promise<Response>): answer is Promise<Response> {
  return typeof (answer as Promise<Response> | undefined)?.then === 'function'
}

function isEventStream(given: Response): boolean {
  return given.headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true
}
