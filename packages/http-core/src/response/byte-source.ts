/**
 * The fast path between a response that many connections share and the server that sends it.
 *
 *     hub --format once--> SharedBytes --write--> ByteSink (one per connection) --> socket
 *                                       <-drained/closed- ByteSinkListener
 *
 * A `Response` that carries a {@link ByteSource} under {@link byteSourceSymbol} stays an ordinary response: whoever does
 * not know the symbol reads `body`. A server that knows it sends the head and attaches a sink in place of reading. Both
 * sides declare this contract for themselves, structurally: neither package imports the other.
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

/** The property of a `Response` that holds its {@link ByteSource}. Registered, so that every copy of every package agrees. */
export const byteSourceSymbol: unique symbol = Symbol.for('sse-toolkit.byteSource')

/** The source that a response carries, if it carries one. */
export function byteSourceOf(response: Response): ByteSource | undefined {
  return (response as { readonly [byteSourceSymbol]?: ByteSource })[byteSourceSymbol]
}

/** Hands the source on to a response that takes the place of the one that carried it. */
export function carryByteSource(from: Response, to: Response): Response {
  const source = byteSourceOf(from)
  if (source !== undefined) Object.defineProperty(to, byteSourceSymbol, { value: source, configurable: true })
  return to
}
