/**
 * The fast path between a response that many connections share and the server that sends it.
 *
 *     hub --format once--> SharedBytes --write--> ByteSink (one per connection) --> socket
 *                                       <-drained/closed- ByteSinkListener
 *
 * A `Response` that carries a {@link ByteSource} under {@link byteSourceSymbol} is still an ordinary response. Code that
 * does not know the symbol reads `body`. A server that knows the symbol sends the head and attaches a sink instead of
 * reading. Each side declares this contract structurally, so that neither package imports the other.
 */

/** Bytes that many connections share. An output writes them as they are, or as one chunk of the chunked transfer coding. */
export interface SharedBytes {
  readonly bytes: Uint8Array
  /**
   * The same bytes as one chunk: size in hex, CRLF, bytes, CRLF. Created at the first read, then kept.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9112#section-7.1
   */
  readonly chunk: Uint8Array
}

/** The output of one response. */
export interface ByteSink {
  /**
   * Writes bytes to the output. The output must not change them.
   *
   * @returns false if the buffer is above the output's high-water mark: the bytes are queued, and `drained` follows. Also
   *   false after the end of the output: the bytes are dropped, and `closed` follows.
   */
  write(shared: SharedBytes): boolean
  /** The number of bytes that are buffered in the output. */
  readonly bufferedBytes: number
  /** Ends the response after the queued bytes. */
  close(): void
  /** Destroys the connection at once and drops the queued bytes. */
  abort(): void
  /**
   * Breaks off the response after the queued bytes, so that the client sees that it is incomplete: over HTTP/1.1 the last
   * chunk is missing (RFC 9112 section 8), over HTTP/2 the stream is reset with RST_STREAM (RFC 9113 section 8.1). If an
   * output has no `cut`, the source calls `abort` instead.
   */
  cut?(): void
}

/** The callbacks with which an output notifies its writer. */
export interface ByteSinkListener {
  /** The output has room again, after a `write` that returned false. */
  drained(): void
  /** The output has closed, whichever side closed it. Called exactly once, and never from within `attach`. */
  closed(): void
  /**
   * The server is stopping, and the response should end soon. The listener decides whether it ends cleanly or is broken
   * off. Without this method the server ends the response cleanly.
   */
  stopping?(): void
}

/** The body of a response, which nothing has read yet. */
export interface ByteSource {
  /**
   * Starts writing to the sink. The server calls this instead of reading `body`, after it has sent the head.
   *
   * @throws TypeError if the body has been read or another sink was attached.
   */
  attach(sink: ByteSink): ByteSinkListener
}

/**
 * The property of a `Response` that holds its {@link ByteSource}. The symbol is registered, so that all copies of all
 * packages share it.
 */
export const byteSourceSymbol: unique symbol = Symbol.for('sse-toolkit.byteSource')

/** The source that a response carries; undefined if it carries none. */
export function byteSourceOf(response: Response): ByteSource | undefined {
  return (response as { readonly [byteSourceSymbol]?: ByteSource })[byteSourceSymbol]
}

/** Copies the source of a response to another response that replaces it. */
export function carryByteSource(from: Response, to: Response): Response {
  const source = byteSourceOf(from)
  if (source !== undefined) Object.defineProperty(to, byteSourceSymbol, { value: source, configurable: true })
  return to
}
