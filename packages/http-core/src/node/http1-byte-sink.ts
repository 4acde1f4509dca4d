import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ByteSink, ByteSinkListener, SharedBytes } from '../byte-source.ts'

/** The response whose turn it is on a connection; Node keeps it there. */
interface HttpSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null
}

/**
 * The output of one response over HTTP/1.1. Where nothing stands between us and the socket, the chunks that all
 * connections share go straight to it:
 *
 *     shared.chunk --> socket.write       chunked coding, the response is the socket's current one, `write` is Node's own
 *     shared.bytes --> response.write     otherwise: HTTP/1.0, a length, a wrapped response, a pipelined predecessor
 *
 * What `response.write` costs beyond that is measured in DESIGN.md section 3.3.
 */
export class Http1ByteSink implements ByteSink {
  readonly #response: ServerResponse
  readonly #failed: (error: unknown) => void
  /** Undefined where the direct way is closed. */
  readonly #socket: HttpSocket | undefined
  #listener: ByteSinkListener | undefined
  #state: 'open' | 'ending' | 'closed' = 'open'
  /** The listener on the output's next 'drain', while there is one: most connections never need it. */
  #awaitedDrain: (() => void) | undefined

  /**
   * @param response - Its head has been flushed.
   * @param failed - Told what the listener throws: it is called from the socket's events, where nobody would catch it.
   */
  constructor(response: ServerResponse, failed: (error: unknown) => void) {
    this.#response = response
    this.#failed = failed
    this.#socket = directSocket(response)
  }

  /** From now on the listener is told. If the response is over already, it is told so now. */
  listen(listener: ByteSinkListener): void {
    this.#listener = listener
    if (this.#state === 'closed') this.#tell('closed')
  }

  /** The connection is done with this response. */
  closed(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    if (this.#awaitedDrain !== undefined) this.#output.off('drain', this.#awaitedDrain)
    this.#tell('closed')
  }

  get bufferedBytes(): number {
    return this.#socket?.writableLength ?? this.#response.writableLength
  }

  write(shared: SharedBytes): boolean {
    if (this.#state !== 'open') return false
    const hasRoom =
      this.#socket === undefined ? this.#response.write(shared.bytes) : this.#socket.write(shared.chunk)
    if (!hasRoom && this.#awaitedDrain === undefined) {
      this.#awaitedDrain = () => {
        this.#awaitedDrain = undefined
        if (this.#state === 'open') this.#tell('drained')
      }
      this.#output.once('drain', this.#awaitedDrain)
    }
    return hasRoom
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#response.end()
  }

  abort(): void {
    // Not `response.destroy()`: one that waits behind another has no socket yet to destroy.
    if (this.#state !== 'closed') this.#response.req.socket.destroy()
  }

  #tell(what: 'drained' | 'closed'): void {
    try {
      this.#listener?.[what]()
    } catch (error) {
      this.#failed(error)
    }
  }

  get #output(): HttpSocket | ServerResponse {
    return this.#socket ?? this.#response
  }
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
