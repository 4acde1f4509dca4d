/**
 * The seam to the server. A Response made by this package carries, besides its ordinary `body`, a ByteSource under
 * {@link byteSourceSymbol}. A server that knows the symbol attaches a sink to it and spares every connection a web
 * stream; one that does not reads `body`. The contract is structural: servers declare it themselves and import
 * nothing from here.
 */

/** Bytes that many connections share: written as they are, or as one chunk of the chunked transfer coding. */
export interface SharedBytes {
  readonly bytes: Uint8Array
  /**
   * The same bytes as one chunk: size in hex, CRLF, bytes, CRLF. Made at the first read, then kept.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9112#section-7.1
   */
  readonly chunk: Uint8Array
}

/** Where the bytes of one response go. */
export interface ByteSink {
  /**
   * Hands bytes to the output, which must not change them.
   *
   * @returns false when what is buffered is above the output's high-water mark: the bytes are queued all the same, and
   *   `drained` follows. False as well after the end of the output: the bytes are dropped, and `closed` follows.
   */
  write(shared: SharedBytes): boolean
  /** Bytes that the output has taken and not yet handed on. */
  readonly bufferedBytes: number
  /** Ends the response after what is queued. */
  close(): void
  /** Destroys the connection at once, with what is queued. */
  abort(): void
  /**
   * Breaks the response off after what is queued, so that its reader sees that it is not whole: over HTTP/1.1 without the last
   * chunk (RFC 9112 section 8), over HTTP/2 with RST_STREAM (RFC 9113 section 8.1). An output without it is aborted.
   */
  cut?(): void
}

/** Ends an output in one of its ways; one that cannot be cut is aborted. */
export function endSink(sink: ByteSink, how: 'close' | 'abort' | 'cut'): void {
  if (how === 'close') sink.close()
  else if (how === 'cut' && sink.cut !== undefined) sink.cut()
  else sink.abort()
}

/** What the output tells its writer. */
export interface ByteSinkListener {
  /** The output has room again, after a `write` that returned false. */
  drained(): void
  /** The output is gone, whichever side ended it. Called exactly once, never from within `attach`. */
  closed(): void
  /**
   * The server is about to stop, and the response should end soon: cleanly or broken off, as the listener decides.
   * Without this method the server ends the response cleanly.
   */
  stopping?(): void
}

/** A response's body before anything has read it. */
export interface ByteSource {
  /**
   * Takes the place of reading `body`. The response's head has been sent.
   *
   * @throws TypeError if the body has been read or another sink was attached.
   */
  attach(sink: ByteSink): ByteSinkListener
}

export const byteSourceSymbol: unique symbol = Symbol.for('sse-toolkit.byteSource')
