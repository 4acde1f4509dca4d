import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ByteSink, ByteSinkListener, SharedBytes } from '../../response/byte-source.ts'
import { dropAllBehind } from '../connection/unserved-requests.ts'
import { destroyUnfinished } from '../message/destroy-unfinished.ts'
import { goneError } from '../request/request-body.ts'
import type { OpenStream } from '../lifecycle/open-streams.ts'

/** Gets notified of what happens to a sink. */
export interface SinkOwner {
  /** The sink's listener threw: it is called from the socket's events, where nothing would catch the error. */
  failed(error: unknown): void
}

/** Gets notified of what happens to a sink that owns its connection after a handover. */
export interface HandedOverOwner extends SinkOwner {
  gone(sink: Http1ByteSink, socket: Socket): void
}

/** The response whose turn it is on a connection; Node keeps it there. */
interface HttpSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null
}

const lastChunk = '0\r\n\r\n'

/**
 * The output of one response over HTTP/1.1. Where nothing stands between us and the socket, the chunks that all
 * connections share go straight to it:
 *
 *     shared.chunk --> socket.write       chunked coding, the response is the socket's current one, `write` is Node's own
 *     shared.bytes --> response.write     otherwise: HTTP/1.0, a length, a wrapped response, a pipelined predecessor
 *
 * What `response.write` costs beyond that is measured in bench/README.md. After {@link handOver} there is no response
 * any more, and the sink alone holds the connection.
 */
export class Http1ByteSink implements ByteSink, OpenStream {
  /** Undefined once the connection was handed over. */
  #response: ServerResponse | undefined
  /** Undefined where the direct way is closed. */
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

  /** From now on the listener is notified. If the response is over already, the listener is notified at once. */
  listen(listener: ByteSinkListener): void {
    this.#listener = listener
    if (this.#state === 'closed') this.#tell('closed')
  }

  /** Whether the sink can do without the response: only on its way to the socket, and while it has nothing to wait for. */
  get canBeHandedOver(): boolean {
    return this.#socket !== undefined && this.#state === 'open' && this.#awaitedDrain === undefined
  }

  /** From now on the connection belongs to the sink alone: nothing else listens to the socket. */
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
    // Bytes that a client sends besides its request have no meaning and are dropped; but this shows when it leaves.
    dropAllBehind(socket)
  }

  /** The request's own, to be aborted if the client goes away: after a handover nothing else notifies the request. */
  abortWhenGone(aborter: AbortController): void {
    if (this.#state === 'closed') aborter.abort(goneError())
    else this.#aborter = aborter
  }

  /** The connection is done with this response. */
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
      // No parser is there for a next request: the connection ends with its response.
      this.#socket?.write(lastChunk)
      this.#socket?.destroySoon()
    }
  }

  abort(): void {
    if (this.#state === 'closed') return
    this.#state = 'ending'
    // Not `response.destroy()`: one that waits behind another has no socket yet to destroy.
    if (this.#response === undefined) this.#socket?.destroy()
    else destroyUnfinished(this.#response, this.#response.req.socket)
  }

  cut(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    const response = this.#response
    // A chunked message without its last chunk is not whole. The FIN follows what is queued.
    if (response === undefined || this.#socket !== undefined) this.#socket?.destroySoon()
    else response.write('', () => destroyUnfinished(response, response.req.socket))
  }

  /** The server stops. */
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

// 'close' follows, and tells it all.
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
    // Nothing of the response waits outside the socket.
    response.writableLength === socket.writableLength &&
    !Object.hasOwn(response, 'write') &&
    !Object.hasOwn(response, 'end')
  return isDirect ? socket : undefined
}
