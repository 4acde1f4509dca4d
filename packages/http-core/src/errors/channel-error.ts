/**
 * - `'head-sent'`: a later send than the first had a status or header fields.
 * - `'invalid-handshake'`: the request is not a valid WebSocket handshake; the client gets 400.
 */
export type ChannelErrorCode = 'head-sent' | 'invalid-handshake'

/** A channel cannot send the message, or the request is not a valid WebSocket handshake: see `code`. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError'
  readonly code: ChannelErrorCode

  constructor(code: ChannelErrorCode, reason: string) {
    super(reason)
    this.code = code
  }
}

/** Whether a thrown value is a {@link ChannelError}. Also recognizes an error from another copy of this package. */
export function isChannelError(error: unknown): error is ChannelError {
  return error instanceof Error && error.name === 'ChannelError' && 'code' in error
}
