/** `'already-listening'`: `listen()` was called twice. `'stopped'`: `listen()` was called after `close()`. */
export type ServerStateErrorCode = 'already-listening' | 'stopped'

const reasons: Record<ServerStateErrorCode, string> = {
  'already-listening': 'listen() was called before. A server can listen only once',
  stopped: 'The server has been closed. Create a new server',
}

/** A method was called in a state of the server that does not allow the call. */
export class ServerStateError extends Error {
  override readonly name = 'ServerStateError'
  readonly code: ServerStateErrorCode

  constructor(code: ServerStateErrorCode) {
    super(reasons[code])
    this.code = code
  }
}
