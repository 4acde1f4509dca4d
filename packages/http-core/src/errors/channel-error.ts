/**
 * - `'head-sent'`: status or fields came with a send after the first.
 * - `'invalid-handshake'`: the request is not a WebSocket handshake; the client got a 400.
 */
export type ChannelErrorCode = 'head-sent' | 'invalid-handshake'

/** A channel cannot do what it is asked to. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError'
  readonly code: ChannelErrorCode

  constructor(code: ChannelErrorCode, reason: string) {
    super(reason)
    this.code = code
  }
}

/** Whether a thrown value is a {@link ChannelError}, also one of another copy of this package. */
export function isChannelError(error: unknown): error is ChannelError {
  return error instanceof Error && error.name === 'ChannelError' && 'code' in error
}
