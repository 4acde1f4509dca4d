/**
 * - `'address-in-use'`: another socket listens there (EADDRINUSE).
 * - `'address-not-available'`: this machine does not have the address (EADDRNOTAVAIL).
 * - `'permission-denied'`: the process may not listen there (EACCES, EPERM), as for ports below 1024.
 * - `'host-not-found'`: the host name does not resolve (ENOTFOUND, EAI_AGAIN).
 * - `'bad-descriptor'`: the file descriptor is not a listening or bindable socket (EBADF, EINVAL, ENOTSOCK).
 * - `'failed'`: anything else; see `cause`.
 */
export type ListenErrorCode =
  | 'address-in-use'
  | 'address-not-available'
  | 'permission-denied'
  | 'host-not-found'
  | 'bad-descriptor'
  | 'failed'

const reasons: Record<ListenErrorCode, string> = {
  'address-in-use': 'another socket listens there already',
  'address-not-available': 'this machine does not have that address',
  'permission-denied': 'permission denied',
  'host-not-found': 'the host name does not resolve',
  'bad-descriptor': 'not a socket that can listen',
  failed: 'the system refused',
}

/** The server cannot listen on the given address. No socket stays open, and you may call `listen()` again. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: ListenErrorCode
  /** The address: `host:port`, the path of a Unix socket, or `file descriptor 3`. */
  readonly target: string

  constructor(code: ListenErrorCode, target: string, cause: unknown) {
    super(`Cannot listen on ${target}: ${reasons[code]}`, { cause })
    this.code = code
    this.target = target
  }
}
