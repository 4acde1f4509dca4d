import type { Runtime } from '../../runtime.ts'

/** An event stream or a WebSocket: it does not end by itself. */
export interface OpenStream {
  /** Ends it cleanly, for a server that stops. */
  end(): void
}

/** The event streams and WebSockets that are open: a stop need not wait for them, it ends them. */
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

  /** Ends all of them, and those that open from now on. */
  endAll(): void {
    this.#isEnding = true
    for (const stream of this.#streams) this.#endSoon(stream)
  }

  /** One turn later: what `context.closing` made the source say goes out first. */
  #endSoon(stream: OpenStream): void {
    this.#runtime.endOfTurn(() => {
      if (this.#streams.has(stream)) stream.end()
    })
  }
}
