import type { SecureContextOptions } from 'node:tls'
import type { CloseOptions } from './close-options.ts'
import type { ListeningAddress } from './options.ts'

/**
 * `'idle'`: before `listen()`. `'stopping'`: from `close()` until the last connection is gone. A server runs only once: you
 * cannot start a stopped server again.
 */
export type ServerStatus = 'idle' | 'running' | 'stopping' | 'stopped'

/** The result of stopping a server. */
export interface CloseReport {
  /**
   * How many connections with a request in flight the server destroyed at the deadline. 0 means that every request was
   * served.
   */
  readonly destroyedConnections: number
  /** `'repeated'` if the server was already stopping or stopped. The options of that call had no effect. */
  readonly call: 'first' | 'repeated'
}

/** The part of a server that `closeOnSignals` and `runWorkers` use to stop it. */
export interface Closable {
  close(options?: CloseOptions): Promise<Pick<CloseReport, 'destroyedConnections'>>
}

/** See {@link createServer}. */
export interface Server {
  /**
   * Starts accepting connections.
   *
   * @throws {@link ListenError} if the server cannot listen; the `code` says why: `'address-in-use'`,
   *   `'permission-denied'`... You may call `listen()` again.
   * @throws {@link ServerStateError} `code: 'already-listening'` if the server listens already; `'stopped'` after
   *   `close()`.
   */
  listen(): Promise<ListeningAddress>
  /**
   * Stops the server. The server accepts no more connections, closes idle ones, and lets requests in flight finish: their
   * responses say `Connection: close`, or over HTTP/2 the server sends GOAWAY. At the deadline it destroys the
   * connections that are still open.
   *
   * `context.closing` aborts at the start. `request.signal` aborts only when its connection is destroyed. A second call
   * changes nothing: it waits until the server has stopped, and its report says `'repeated'`.
   *
   * @throws {@link OptionError} synchronously; the error names the option.
   */
  close(options?: CloseOptions): Promise<CloseReport>
  /**
   * Uses another certificate for new TLS handshakes. Open connections keep theirs.
   *
   * @throws {@link OptionError} if the server has no `tls`, or the certificate is invalid.
   */
  setSecureContext(context: SecureContextOptions): void
  /** Resolves when the server has stopped, for whatever reason. */
  readonly closed: Promise<void>
  readonly status: ServerStatus
  /** The address that the server listens on; undefined while it does not listen. */
  readonly address: ListeningAddress | undefined
  /** The port, also if the system chose it (port 0); undefined on a Unix socket, and while the server does not listen. */
  readonly port: number | undefined
  /**
   * The server's URL, such as `http://127.0.0.1:8080`; undefined on a Unix socket, and while the server does not listen. A
   * server that listens on all addresses shows `localhost`.
   */
  readonly url: string | undefined
  readonly isIPv6: boolean
  /** How many connections are open, idle ones included. */
  readonly activeConnections: number
  /** How many requests have a response that has not ended, event streams included. */
  readonly requestsInFlight: number
  /** Calls `close()` with its defaults, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
