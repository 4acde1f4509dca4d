import type { Runtime } from '../../runtime.ts'

/** An event stream or a WebSocket, which does not end by itself. */
export interface OpenStream {
  /** Ends the stream cleanly, because the server stops. */
  end(): void
}

/** The event streams and WebSockets that are open: a server that stops ends them instead of waiting for them. */
export class OpenStreams {
  readonly #streams = new Set<OpenStream>()
  readonly #runtime: Pick<Runtime, 'endOfTurn'>
  #isEnding = false

  constructor(runtime: Pick<Runtime, 'endOfTurn'>) {
    this.#runtime = runtime
  }

  opened(stream: OpenStream): void {
    this.#streams.add(stream)
    if (this.#isEnding) this.#endSoon(stream)
  }

  closed(stream: OpenStream): void {
    this.#streams.delete(stream)
  }

  /** Ends all open streams, and every stream that opens later. */
  endAll(): void {
    this.#isEnding = true
    for (const stream of this.#streams) this.#endSoon(stream)
  }

  /** Ends the stream one turn later, so that anything its source writes when `context.closing` aborts is sent first. */
  #endSoon(stream: OpenStream): void {
    this.#runtime.endOfTurn(() => {
      if (this.#streams.has(stream)) stream.end()
    })
  }
}
