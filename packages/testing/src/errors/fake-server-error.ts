/**
 * - `already-answered`: `refuse` was called after the response had begun.
 * - `no-wire-contract`: a fake server with `wireContract: 'none'` announces no gap and no end.
 * - `server-closed`: the test waits for a connection of a fake server that was closed.
 */
export type FakeServerErrorCode = 'already-answered' | 'no-wire-contract' | 'server-closed'

/** A test asked a fake server for what a server in that state cannot do. */
export class FakeServerError extends Error {
  override readonly name = 'FakeServerError'
  readonly code: FakeServerErrorCode

  constructor(code: FakeServerErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
