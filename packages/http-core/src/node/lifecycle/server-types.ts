import type { SecureContextOptions } from 'node:tls'
import type { CloseOptions } from './close-options.ts'
import type { ListeningAddress } from './options.ts'

/** `'idle'`: before `listen()`. `'stopping'`: from `close()` until the last connection is gone. A server runs once. */
export type ServerStatus = 'idle' | 'running' | 'stopping' | 'stopped'

/** What a stop came to. */
export interface CloseReport {
  /** Connections that were destroyed at the deadline, with a request in flight. 0: everybody was served. */
  readonly destroyedConnections: number
  /** `'repeated'` for a call of `close()` that found the server stopping or stopped already. Its options did not count. */
  readonly call: 'first' | 'repeated'
}

/** What the helpers that stop a server need of it. */
export interface Closable {
  close(options?: CloseOptions): Promise<Pick<CloseReport, 'destroyedConnections'>>
}

/** See {@link createServer}. */
export interface Server {
  /**
   * Begins to accept connections.
   *
   * @throws {@link ListenError} by its `code`: `'address-in-use'`, `'permission-denied'`... It may be called again then.
   * @throws {@link ServerStateError} `code: 'already-listening'`; `'stopped'` after `close()`.
   */
  listen(): Promise<ListeningAddress>
  /**
   * Stops: accepts no more connections, closes the idle ones, lets requests in flight finish (their responses say
   * `Connection: close`; over HTTP/2 it is GOAWAY that says so) and destroys what is left at the deadline. At the start
   * `context.closing` aborts; `request.signal` only when a connection is destroyed. A second call changes
   * nothing, waits for the same end, and says so in its report.
   *
   * @throws {@link OptionError} at once, which names the option.
   */
  close(options?: CloseOptions): Promise<CloseReport>
  /**
   * Takes another certificate for the handshakes to come; connections that are open keep theirs.
   *
   * @throws {@link OptionError} for a server without `tls`, or an invalid certificate.
   */
  setSecureContext(context: SecureContextOptions): void
  /** Resolves when the server has stopped, for whatever reason. */
  readonly closed: Promise<void>
  readonly status: ServerStatus
  /** Where it listens; undefined before and after. */
  readonly address: ListeningAddress | undefined
  /** The port, which port 0 let the system choose; undefined on a Unix socket, before and after. */
  readonly port: number | undefined
  /** `http://127.0.0.1:8080`; undefined on a Unix socket, before and after. An address of everywhere is shown as localhost. */
  readonly url: string | undefined
  readonly isIPv6: boolean
  /** Open connections, idle ones included. */
  readonly activeConnections: number
  /** Requests whose response has not ended, event streams included. */
  readonly requestsInFlight: number
  /** `close()` with its defaults, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
