import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * An upgrade is a response like any other, until it is sent: it has been through routes and middlewares, which may
 * refuse it or add fields. What it carries under {@link connectionUpgradeSymbol} then takes the connection:
 *
 *     'upgrade' --> Exchange --> handler --> Response with ConnectionUpgrade --> take(connection)
 *                                       +--> any other Response ------------> sent, and the connection closed
 *
 * To a server that does not know the symbol, and over HTTP/2, it is a 426.
 */
export interface ConnectionUpgrade {
  /** Answers `101 Switching Protocols` on the connection, and speaks another protocol from then on. */
  take(connection: UpgradedConnection): TakenConnection
}

/** What an upgrade is given. */
export interface UpgradedConnection {
  readonly message: IncomingMessage
  readonly socket: Duplex
  /** What the client sent behind its request. */
  readonly head: Buffer
  /** The fields of the response: names and values in turn. */
  readonly fields: readonly string[]
  /** Tells the server's logger of an error that nobody else would hear of. */
  readonly failed: (error: unknown) => void
}

/** What the server wants of a connection that it has given away. */
export interface TakenConnection {
  /** The server stops: ends it in good order. */
  end(): void
}

/** The property of a `Response` that holds its {@link ConnectionUpgrade}. */
export const connectionUpgradeSymbol: unique symbol = Symbol.for('sse-toolkit.connectionUpgrade')

/** The upgrade that a response carries, if it carries one. */
export function connectionUpgradeOf(response: Response): ConnectionUpgrade | undefined {
  return (response as { readonly [connectionUpgradeSymbol]?: ConnectionUpgrade })[connectionUpgradeSymbol]
}

/** What a request that may upgrade its connection leaves open. */
export interface Upgradable {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Duplex
  readonly head: Buffer
}

/** Whether a request asks for the one protocol that there may be a handler for; any other may be ignored (RFC 9110 7.8). */
export function asksForUpgrade({ method, headers, httpVersionMinor }: IncomingMessage): boolean {
  return method === 'GET' && httpVersionMinor >= 1 && headers.upgrade?.toLowerCase() === 'websocket'
}
