import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ByteSink, ByteSinkListener, SharedBytes } from '../../response/byte-source.ts'
import { dropAllBehind } from '../connection/unserved-requests.ts'
import { destroyUnfinished } from '../message/destroy-unfinished.ts'
import { goneError } from '../request/request-body.ts'
import type { OpenStream } from '../lifecycle/open-streams.ts'

/** Notified of the errors of a sink. */
export interface SinkOwner {
  /** Called if the sink's listener throws. The listener runs in the socket's events, where nothing else would catch it. */
  failed(error: unknown): void
}

/** Notified of the errors and the end of a sink that owns its connection after a handover. */
export interface HandedOverOwner extends SinkOwner {
  gone(sink: Http1ByteSink, socket: Socket): void
}

/** A socket on which Node keeps the response that is being sent. */
interface HttpSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null
}

const lastChunk = '0\r\n\r\n'

/**
 * The output of one response over HTTP/1.1. If possible, it writes the chunks that all connections share straight to the
 * socket:
 *
 *     shared.chunk --> socket.write       chunked coding, the response is the socket's current one, `write` is Node's own
 *     shared.bytes --> response.write     otherwise: HTTP/1.0, a length, a wrapped response, a pipelined predecessor
 *
 * bench/README.md shows how much more `response.write` costs. After {@link handOver} there is no response any more, and only
 * the sink holds the connection.
 */
export class Http1ByteSink implements ByteSink, OpenStream {
  /** Undefined after the connection was handed over. */
  #response: ServerResponse | undefined
  /** Undefined if the sink must write to the response. */
  readonly #socket: HttpSocket | undefined
  #owner: SinkOwner
  #listener: ByteSinkListener | undefined
  #state: 'open' | 'ending' | 'closed' = 'open'
  /** The listener on the output's next 'drain', while there is one: most connections never need it. */
  #awaitedDrain: (() => void) | undefined
  #aborter: AbortController | undefined

  /** @param response - Its head has been flushed. */
  constructor(response: ServerResponse, owner: SinkOwner) {
    this.#response = response
    this.#owner = owner
    this.#socket = directSocket(response)
  }

  /** Sets the listener. If the response has ended already, the listener is notified at once. */
  listen(listener: ByteSinkListener): void {
    this.#listener = listener
    if (this.#state === 'closed') this.#tell('closed')
  }

  /** Whether the sink can do without the response: it writes straight to the socket, and does not wait for 'drain'. */
  get canBeHandedOver(): boolean {
    return this.#socket !== undefined && this.#state === 'open' && this.#awaitedDrain === undefined
  }

  /** Gives the connection to the sink alone. Nothing else listens to the socket from now on. */
  handOver(socket: Socket, owner: HandedOverOwner): void {
    this.#response = undefined
    this.#owner = owner
    socket.on('error', ignore)
    socket.on('end', destroyThis)
    socket.on('close', () => {
      if (this.#state !== 'ending' || !socket.writableFinished) this.#aborter?.abort(goneError())
      this.closed()
      owner.gone(this, socket)
    })
    // Further bytes from the client have no meaning and are dropped. Reading them is how the server notices that it leaves.
    dropAllBehind(socket)
  }

  /** Sets the request's controller, which the sink aborts if the client leaves: after a handover nothing else does. */
  abortWhenGone(aborter: AbortController): void {
    if (this.#state === 'closed') aborter.abort(goneError())
    else this.#aborter = aborter
  }

  /** Called when the response has ended or its connection has closed. */
  closed(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    if (this.#awaitedDrain !== undefined) this.#output?.off('drain', this.#awaitedDrain)
    this.#tell('closed')
  }

  get bufferedBytes(): number {
    return this.#output?.writableLength ?? 0
  }

  write(shared: SharedBytes): boolean {
    if (this.#state !== 'open') return false
    const hasRoom =
      this.#socket === undefined
        ? this.#response?.write(shared.bytes) === true
        : this.#socket.write(shared.chunk)
    if (!hasRoom && this.#awaitedDrain === undefined) {
      this.#awaitedDrain = () => {
        this.#awaitedDrain = undefined
        if (this.#state === 'open') this.#tell('drained')
      }
      this.#output?.once('drain', this.#awaitedDrain)
    }
    return hasRoom
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    if (this.#response !== undefined) {
      this.#response.end()
    } else {
      // There is no parser for another request, so the connection ends with the response.
      this.#socket?.write(lastChunk)
      this.#socket?.destroySoon()
    }
  }

  abort(): void {
    if (this.#state === 'closed') return
    this.#state = 'ending'
    // Not `response.destroy()`: a response that waits behind another has no socket yet.
    if (this.#response === undefined) this.#socket?.destroy()
    else destroyUnfinished(this.#response, this.#response.req.socket)
  }

  cut(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    const response = this.#response
    // A chunked message without its last chunk is incomplete. The FIN follows the queued bytes.
    if (response === undefined || this.#socket !== undefined) this.#socket?.destroySoon()
    else response.write('', () => destroyUnfinished(response, response.req.socket))
  }

  /** Ends the response, or lets the listener end it, because the server stops. */
  end(): void {
    if (this.#listener?.stopping === undefined) this.close()
    else this.#tell('stopping')
  }

  #tell(what: 'drained' | 'closed' | 'stopping'): void {
    try {
      this.#listener?.[what]?.()
    } catch (error) {
      this.#owner.failed(error)
      this.abort()
    }
  }

  get #output(): HttpSocket | ServerResponse | undefined {
    return this.#socket ?? this.#response
  }
}

// 'close' follows and is enough.
function ignore(): void {}

function destroyThis(this: Socket): void {
  this.destroy()
}

function directSocket(response: ServerResponse): HttpSocket | undefined {
  const socket: HttpSocket | null = response.socket
  const isDirect =
    socket !== null &&
    socket._httpMessage === response &&
    response.chunkedEncoding &&
    // No bytes of the response wait outside the socket.
    response.writableLength === socket.writableLength &&
    !Object.hasOwn(response, 'write') &&
    !Object.hasOwn(response, 'end')
  return isDirect ? socket : undefined
}
