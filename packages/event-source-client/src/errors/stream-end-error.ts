/**
 * - `failed`: what made the events failed; the message has the server's words.
 * - `interrupted`: the stream was cut, and the request may not be repeated; or the server was stopped before the end.
 * - `expired`: the topic's time was over before it had ended.
 */
export type StreamEndErrorCode = 'failed' | 'interrupted' | 'expired'

/** A stream that should come to an end came to another one: what was read is not all. */
export class StreamEndError extends Error {
  override readonly name = 'StreamEndError'
  readonly code: StreamEndErrorCode

  /** @param words - The server's, made to be shown. */
  constructor(code: StreamEndErrorCode, words: string, options?: ErrorOptions) {
    super(`The stream is incomplete (${code})${words && `: ${words}`}`, options)
    this.code = code
  }
}
