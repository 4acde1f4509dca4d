import { asHttpError, httpErrorResponse } from '../../errors/http-error.ts'
import { Context } from '../../request/context.ts'
import { byteSourceOf } from '../../response/byte-source.ts'
import type { ByteSource } from '../../response/byte-source.ts'
import { isEventStream } from '../../response/event-stream.ts'
import { lightPartsOf, textResponse } from '../../response/light-response.ts'
import { assertResponse } from '../../response/response-head.ts'
import { hasNoContent } from '../../response/status.ts'
import { isThenable } from '../../thenable.ts'
import type { OpenStream } from '../lifecycle/open-streams.ts'
import { onceClosed } from '../message/wire.ts'
import type { WireRequest, WireResponse } from '../message/wire.ts'
import type { Admitted } from '../request/admission.ts'
import { IncomingRequest } from '../request/incoming-request.ts'
import { lightRequest, nativeRequest } from '../request/light-request.ts'
import { goneError } from '../request/request-body.ts'
import { connectionUpgradeOf } from '../upgrade/connection-upgrade.ts'
import type { ConnectionUpgrade, Upgradable } from '../upgrade/connection-upgrade.ts'
import { BodyPump, discardBody } from './body-pump.ts'
import type { PumpTarget } from './body-pump.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import { makeByteSink } from './byte-sinks.ts'
import { giveAway, mayHandOver, takeFor } from './handing-over.ts'
import { Http1ByteSink } from './http1-byte-sink.ts'
import { contentLeftOut, isMeasured } from './left-out-content.ts'
import { ResponseWriter } from './response-writer.ts'
import type { WriterEnd } from './response-writer.ts'

/**
 * One request and its response. Runs the handler and sends its response:
 *
 *     serve -> handler -> respond +-> light response -----> one writeHead + end
 *                                 +-> no content ---------> one writeHead + end
 *                                 +-> byte source --------> head, then a sink in place of the body
 *                                 +-> body ---------------> BodyPump: gathered whole, or streamed
 *                                 +-> upgrade ------------> the connection is given away
 *
 * An exchange that is answered before `serve` returns adds no listeners. Every other exchange listens to the response's
 * 'close', which comes exactly once, however the response ends.
 */
export class Exchange implements PumpTarget, OpenStream {
  readonly response: WireResponse
  readonly #parts: ExchangeParts
  readonly #request: IncomingRequest
  readonly #writer: ResponseWriter
  /** The connection, if a response may take it over. */
  readonly #upgradable: Upgradable | undefined
  /** The response that a pump is reading, until its head has been sent. */
  #given: Response | undefined
  /** The pump or sink to notify when the connection closes. */
  #stream: BodyPump | ReturnType<typeof makeByteSink> | undefined
  #isEventStream = false
  #isUpgraded = false
  #isFailing = false
  #isWatched = false
  #isOver = false

  constructor(
    parts: ExchangeParts,
    message: WireRequest,
    response: WireResponse,
    admitted: Admitted,
    expects: 'continue' | undefined,
    upgradable: Upgradable | undefined,
  ) {
    this.#parts = parts
    this.response = response
    this.#upgradable = upgradable
    this.#request = new IncomingRequest(parts, message, response, admitted, expects, upgradable !== undefined)
    this.#writer = new ResponseWriter(parts, this.#request, response)
  }

  serve(): void {
    const { load, reports, requests, handler } = this.#parts
    const source = this.#request
    load.requestsInFlight += 1
    reports.requestStarted(source.message, source.url)
    let answer: Response | Promise<Response>
    try {
      const request = requests === 'light' ? lightRequest(source) : nativeRequest(source)
      answer = handler(request, new Context(source))
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
      // The handler's work was aborted because the client left, as intended.
      if (!this.#isWatched) this.#over()
      return
    }
    this.#report('handler-failed', error, 'The handler failed')
    if (this.#isFailing) {
      // The 500 could not be sent either.
      this.#writer.cutOff()
      return
    }
    this.#isFailing = true
    const headers = this.#request.failureFields ?? {}
    this.#respond(textResponse('Internal Server Error\n', { status: 500, headers }))
  }

  #respond(given: Response): void {
    const { response } = this
    if (response.headersSent || response.destroyed) {
      // The client left, or a fault on the connection has already been answered.
      this.#discard(given, goneError())
      if (!this.#isWatched) this.#over()
      return
    }
    try {
      assertResponse(given)
      const light = lightPartsOf(given)
      if (light !== undefined) {
        this.#ended(this.#writer.light(light))
        return
      }
      const upgrade = this.#upgradable === undefined ? undefined : connectionUpgradeOf(given)
      if (upgrade !== undefined && this.#upgradable !== undefined) {
        this.#giveAway(given, upgrade, this.#upgradable)
        return
      }
      // A content coding was applied to the body, so the source, which bypasses the body, must not be used.
      const source = given.headers.has('content-encoding') ? undefined : byteSourceOf(given)
      const isContentLeftOut = this.#request.method === 'HEAD' || hasNoContent(given.status)
      if (isMeasured(given, source, this.#request.method)) this.#sendBody(given)
      else if (isContentLeftOut || (source === undefined && given.body === null)) this.#sendHeadOnly(given)
      else if (source === undefined) this.#sendBody(given)
      else this.#sendSource(given, source)
    } catch (error) {
      this.#discard(given, error)
      this.failed(error)
    }
  }

  // The ways to send.

  #sendHeadOnly(given: Response): void {
    const end = this.#writer.headOnly(given)
    this.#discard(given, contentLeftOut())
    this.#ended(end)
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
    const { response } = this
    const { reports, settings } = this.#parts
    const willHandOver =
      settings.socketHandover === 'auto' && mayHandOver(given, this.#request, response, reports)
    this.#writer.streamHead(given, willHandOver ? 'close' : 'as-given', 'unknown')
    const sink = makeByteSink(response, this)
    this.#stream = sink
    sink.listen(source.attach(sink))
    this.#opened(given)
    // Only at the end of the turn, when the parser is done with the request.
    if (willHandOver && sink instanceof Http1ByteSink) {
      settings.runtime.endOfTurn(() => {
        this.#handOver(sink)
      })
    }
  }

  /** Leaves the connection to the sink. */
  #handOver(sink: Http1ByteSink): void {
    const { closingConnections, handedOver, reports, streams } = this.#parts
    if (this.#isOver) return
    const socket = takeFor(sink, this.#request, this.response, reports)
    if (socket === undefined) return
    // No further requests are read from this connection.
    closingConnections.delete(socket)
    this.#request.handOver(sink)
    this.#request.end()
    streams.closed(this)
    streams.opened(sink)
    sink.handOver(socket, handedOver)
  }

  #giveAway(given: Response, upgrade: ConnectionUpgrade, upgradable: Upgradable): void {
    const { settings, streams } = this.#parts
    const { response, socket } = upgradable
    upgrade.prepare?.()
    this.#watch()
    this.#isUpgraded = true
    const taken = giveAway(given, upgrade, upgradable, settings.serverHeader, (error) => {
      this.#report('handler-failed', error, 'The handler of an upgraded connection failed')
    })
    if (taken === undefined) {
      response.emit('close')
      return
    }
    streams.opened(taken)
    socket.once('close', () => {
      streams.closed(taken)
      response.emit('close')
    })
  }

  // PumpTarget.
  sendWhole(chunks: readonly Uint8Array[], size: number): void {
    const given = this.#given
    if (given === undefined) return
    this.#given = undefined
    try {
      this.#ended(this.#writer.whole(given, chunks, size))
    } catch (error) {
      this.failed(error)
    }
  }

  beginStream(): number | undefined {
    const given = this.#given
    if (given === undefined) return undefined
    this.#given = undefined
    if (this.#request.method === 'HEAD') {
      // The body is a stream, whose length is not known before its end.
      const pump = this.#stream
      this.#stream = undefined
      if (pump instanceof BodyPump) pump.cancel(contentLeftOut(), this.#cancelFailed())
      this.#ended(this.#writer.headOnly(given))
      return undefined
    }
    const promised = this.#writer.streamHead(given, 'as-given', 'given')
    this.#opened(given)
    return promised
  }

  endStream(): void {
    this.#ended(this.#writer.end())
  }

  failed(error: unknown): void {
    if (this.response.headersSent) {
      this.#report('body-failed', error, 'The body of a response failed')
      this.#writer.cutOffBehind()
    } else {
      this.#stream = undefined
      this.#handlerFailed(error)
    }
  }

  // OpenStream: called when the server stops.

  end(): void {
    const stream = this.#stream
    if (stream instanceof BodyPump) {
      stream.cancel(new DOMException('The server is stopping', 'AbortError'), this.#cancelFailed())
      // The server cannot know whether the content is complete.
      this.#writer.cutOff()
    } else {
      stream?.end()
    }
  }

  #opened(given: Response): void {
    if (!isEventStream(given) || this.#isOver) return
    this.#isEventStream = true
    this.#parts.streams.opened(this)
  }

  // The end, however it comes.

  #ended(end: WriterEnd): void {
    if (end === 'delayed') this.#watch()
    else if (!this.#isWatched) this.#over()
  }

  #watch(): void {
    if (this.#isWatched) return
    this.#isWatched = true
    this.#parts.load.enter(this.#request.message.socket)
    onceClosed(this.response, this.#request.message, () => {
      this.#onClose()
    })
  }

  #onClose(): void {
    if (!this.response.writableFinished) this.#request.abort()
    const stream = this.#stream
    this.#stream = undefined
    if (stream instanceof BodyPump) stream.cancel(goneError(), this.#cancelFailed())
    else stream?.closed()
    this.#over()
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { load, streams, reports, exchangeEnded } = this.#parts
    load.requestsInFlight -= 1
    this.#request.end()
    if (this.#isEventStream) streams.closed(this)
    if (reports.wantsRequestEnd) {
      const { message, url } = this.#request
      const status = this.#isUpgraded ? 101 : this.response.statusCode
      const outcome = this.#isUpgraded || this.response.writableEnded ? 'completed' : 'aborted'
      reports.requestEnded({ message, url, status, outcome })
    }
    if (!this.#isWatched) return
    load.leave(this.#request.message.socket)
    exchangeEnded()
  }

  /** Cancels the body of a response that will not be sent, or not completely. */
  #discard(given: unknown, reason: unknown): void {
    discardBody(given, reason, this.#cancelFailed())
  }

  #cancelFailed(): (error: unknown) => void {
    return (error) => {
      this.#report('body-failed', error, 'The body of a response failed when it was cancelled')
    }
  }

  #report(event: 'handler-failed' | 'body-failed', error: unknown, text: string): void {
    this.#parts.reports.requestFailed(event, error, this.#request, text)
  }
}
