/**
 * - `failed`: the source of the events failed; the message has the server's words.
 * - `interrupted`: the stream was cut, and the request may not be repeated; or the server was stopped before the end.
 * - `expired`: the topic expired before this reader got to its end.
 */
export type StreamEndErrorCode = 'failed' | 'interrupted' | 'expired'

/** A stream ended otherwise than by completing: what was read is not all. */
export class StreamEndError extends Error {
  override readonly name = 'StreamEndError'
  readonly code: StreamEndErrorCode

  /** @param words - The server's, made to be shown. */
  constructor(code: StreamEndErrorCode, words: string, options?: ErrorOptions) {
    super(`The stream is incomplete (${code})${words && `: ${words}`}`, options)
    this.code = code
  }
}
