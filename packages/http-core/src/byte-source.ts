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
  /** The same bytes as one chunk (RFC 9112 section 7.1): size in hex CRLF bytes CRLF. Made at the first read, then kept. */
  readonly chunk: Uint8Array
}

/** Where the bytes of one response go. */
export interface ByteSink {
  /**
   * Hands bytes to the output. False when its buffer is above the high-water mark: the bytes are queued all the same,
   * and `drained` follows. After the end of the response the bytes are dropped and the answer is false.
   */
  write(shared: SharedBytes): boolean
  /** Bytes that the output has taken and not yet handed to the kernel. */
  readonly bufferedBytes: number
  /** Ends the response after what is queued. */
  close(): void
  /** Destroys the connection at once, with what is queued. */
  abort(): void
}

/** What the server tells the source of one response. */
export interface ByteSinkListener {
  /** The output is below its high-water mark again, after a `write` that answered false. */
  drained(): void
  /** The response is over: exactly once, whoever ended it. */
  closed(): void
}

/** What a response carries under {@link byteSourceSymbol}. */
export interface ByteSource {
  /** Takes the place of reading `body`, which must not have been read. The headers have been sent. */
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
