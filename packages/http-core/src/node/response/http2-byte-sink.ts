import type { ServerHttp2Stream } from 'node:http2'
import type { ByteSink, ByteSinkListener, SharedBytes } from '../../response/byte-source.ts'
import type { SinkOwner } from './http1-byte-sink.ts'
import { resetStream } from '../message/http2-message.ts'

/** The output of one response over HTTP/2. The stream frames the bytes itself. */
export class Http2ByteSink implements ByteSink {
  readonly #stream: ServerHttp2Stream
  readonly #owner: SinkOwner
  #listener: ByteSinkListener | undefined
  #state: 'open' | 'ending' | 'closed' = 'open'
  #awaitsDrain = false

  constructor(stream: ServerHttp2Stream, owner: SinkOwner) {
    this.#stream = stream
    this.#owner = owner
  }

  listen(listener: ByteSinkListener): void {
    this.#listener = listener
    if (this.#state === 'closed') this.#tell('closed')
  }

  closed(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#tell('closed')
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength
  }

  write(shared: SharedBytes): boolean {
    if (this.#state !== 'open' || this.#stream.destroyed || this.#stream.closed) return false
    const hasRoom = this.#stream.write(shared.bytes)
    if (!hasRoom && !this.#awaitsDrain) {
      this.#awaitsDrain = true
      this.#stream.once('drain', () => {
        this.#awaitsDrain = false
        if (this.#state === 'open') this.#tell('drained')
      })
    }
    return hasRoom
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#stream.end()
  }

  abort(): void {
    if (this.#state === 'closed') return
    this.#state = 'ending'
    resetStream(this.#stream)
  }

  cut(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    // An empty write after the queued bytes: its callback runs when all of them have been sent.
    if (this.#stream.destroyed) return
    this.#stream.write('', () => resetStream(this.#stream))
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
}
