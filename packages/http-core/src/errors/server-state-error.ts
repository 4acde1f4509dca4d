/** `'already-listening'`: `listen()` was called twice. `'stopped'`: it was called after `close()`; a server runs once. */
export type ServerStateErrorCode = 'already-listening' | 'stopped'

const reasons: Record<ServerStateErrorCode, string> = {
  'already-listening': 'listen() has been called before: a server listens once',
  stopped: 'The server has been closed: make a new one',
}

/** A call came at a time when the server cannot obey it. */
export class ServerStateError extends Error {
  override readonly name = 'ServerStateError'
  readonly code: ServerStateErrorCode

  constructor(code: ServerStateErrorCode) {
    super(reasons[code])
    this.code = code
  }
}
