import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectionUpgradeSymbol } from '../../response/sent-status.ts'
import { announcesContent } from '../message/unread-content.ts'

/**
 * Lets a response take over its connection. Until it is sent, such a response is like any other: routes and middlewares
 * may refuse it or add fields. Then the object under {@link connectionUpgradeSymbol} takes the connection:
 *
 *     'upgrade' --> Exchange --> handler --> Response with ConnectionUpgrade --> prepare() --> take(connection)
 *                                       +--> any other Response ------------> sent, and the connection closed
 *
 * Over HTTP/2, and on a server that does not know the symbol, the client gets the response itself, a 426.
 */
export interface ConnectionUpgrade {
  /**
   * Called right before {@link ConnectionUpgrade.take}. If `prepare` throws, there is no upgrade, and the error becomes the
   * answer: an HttpError its status, anything else a 500.
   */
  prepare?(): void
  /** Answers `101 Switching Protocols` on the connection, and speaks the other protocol from then on. */
  take(connection: UpgradedConnection): TakenConnection
}

/** The connection that an upgrade takes over. */
export interface UpgradedConnection {
  readonly message: IncomingMessage
  readonly socket: Duplex
  /** The bytes that the client sent after its request. */
  readonly head: Buffer
  /** The fields of the response, as alternating names and values. */
  readonly fields: readonly string[]
  /** Reports an error to the server's logger. Use it for errors that no response can show. */
  readonly failed: (error: unknown) => void
}

/** Lets the server control a connection that it has given away. */
export interface TakenConnection {
  /** Ends the connection cleanly, because the server stops. */
  end(): void
}

/** The upgrade that a response carries; undefined if it carries none. */
export function connectionUpgradeOf(response: Response): ConnectionUpgrade | undefined {
  return (response as { readonly [connectionUpgradeSymbol]?: ConnectionUpgrade })[connectionUpgradeSymbol]
}

/** A request that may upgrade its connection, with the parts that an upgrade needs. */
export interface Upgradable {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Duplex
  readonly head: Buffer
}

/**
 * Whether a request asks for one of `upgradeProtocols`; a server may ignore other protocols (RFC 9110 section 7.8). A
 * request with content cannot upgrade, because the other protocol would begin in the middle of the content.
 *
 * @param protocols - Names in lower case.
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
 * Whether a request may take over its connection. If not, the server ignores its `Upgrade` field (RFC 9110 section 7.8).
 *
 * A request cannot upgrade while an earlier response is still being sent: Node removes its listeners from an upgraded
 * connection, so a long response would wait forever for 'drain'. Older releases of Node, such as 22.19, do not call this
 * function (`shouldUpgradeCallback`).
 */
export function mayUpgrade(message: IncomingMessage, protocols: ReadonlySet<string>): boolean {
  return asksForUpgrade(message, protocols) && !isAnswering(message.socket)
}

/** Whether a response is being sent on the connection. */
export function isAnswering(socket: Socket & { readonly _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage != null
}
