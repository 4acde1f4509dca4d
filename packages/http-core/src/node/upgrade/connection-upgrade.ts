import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectionUpgradeSymbol } from '../../response/sent-status.ts'
import { announcesContent } from '../message/unread-content.ts'

/**
 * An upgrade is a response like any other, until it is sent: it has been through routes and middlewares, which may
 * refuse it or add fields. What it carries under {@link connectionUpgradeSymbol} then takes the connection:
 *
 *     'upgrade' --> Exchange --> handler --> Response with ConnectionUpgrade --> prepare() --> take(connection)
 *                                       +--> any other Response ------------> sent, and the connection closed
 *
 * To a server that does not know the symbol, and over HTTP/2, it is a 426.
 */
export interface ConnectionUpgrade {
  /**
   * Called once it is certain that {@link ConnectionUpgrade.take} follows at once. What it throws is answered in place of
   * the upgrade, which then does not follow: an HttpError with its status.
   */
  prepare?(): void
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
  /** Reports an error to the server's logger that would be lost otherwise. */
  readonly failed: (error: unknown) => void
}

/** How the server acts on a connection that it has given away. */
export interface TakenConnection {
  /** The server stops: ends it cleanly. */
  end(): void
}

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

/**
 * Whether a request asks for one of the protocols that may have a handler; any other may be ignored (RFC 9110
 * section 7.8). One with content does not: another protocol would begin in the middle of it.
 *
 * @param protocols - Their names in lower case.
 */
export function asksForUpgrade(message: IncomingMessage, protocols: ReadonlySet<string>): boolean {
  const { method, headers, httpVersionMinor } = message
  if (headers.upgrade === undefined || httpVersionMinor < 1 || announcesContent(message)) return false
  return upgradeNames(headers.upgrade).some(
    (name) => protocols.has(name) && (name !== 'websocket' || method === 'GET'),
  )
}

/** The protocols that an Upgrade field names, in lower case. */
export function upgradeNames(field: string): readonly string[] {
  return field.split(',').map((name) => name.trim().toLowerCase())
}

/**
 * Whether a request may have its connection (RFC 9110 section 7.8: any other is served as if it had not asked). Not while a
 * response to an earlier one is on its way: Node takes its listeners off with the connection, and a long response would
 * wait forever for 'drain'. Older releases of Node do not ask (`shouldUpgradeCallback`); Node 22.19 is one of them.
 */
export function mayUpgrade(message: IncomingMessage, protocols: ReadonlySet<string>): boolean {
  return asksForUpgrade(message, protocols) && !isAnswering(message.socket)
}

/** Whether a response is on its way on the connection. */
export function isAnswering(socket: Socket & { readonly _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage != null
}
