import type { IncomingMessage, ServerResponse } from 'node:http'
import { isEventStream } from '../../response/event-stream.ts'
import { Http2Response } from '../message/http2-message.ts'
import type { WireResponse } from '../message/wire.ts'
import type { OpenStream } from '../lifecycle/open-streams.ts'
import type { Reports } from '../reports/reports.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { ConnectionUpgrade, Upgradable } from '../upgrade/connection-upgrade.ts'
import type { Http1ByteSink } from './http1-byte-sink.ts'
import { responseFields } from './response-fields.ts'
import { canTakeSocket, takeSocket } from './socket-handover.ts'

/** Whether a byte sink is to have the connection for itself, which then closes with it: the head has to say so. */
export function mayHandOver(
  given: Response,
  request: IncomingRequest,
  response: WireResponse,
  reports: Reports,
): response is ServerResponse {
  return (
    isEventStream(given) &&
    // Reports of the end say which request's it was.
    !reports.wantsRequestEnd &&
    request.unread === 'none' &&
    !(response instanceof Http2Response) &&
    canTakeSocket(request.message as IncomingMessage, response as ServerResponse)
  )
}

/**
 * Takes the connection away from node:http for a sink that goes on without the exchange: of that, nothing need stay in
 * memory while the stream is open.
 *
 * @returns the socket; undefined where it stays with node:http.
 */
export function takeFor(
  sink: Http1ByteSink,
  request: IncomingRequest,
  response: WireResponse,
  reports: Reports,
): ReturnType<typeof takeSocket> {
  if (!sink.canBeHandedOver || reports.wantsRequestEnd) return undefined
  return takeSocket(request.message as IncomingMessage, response as ServerResponse)
}

/**
 * Gives the connection away to another protocol.
 *
 * @returns what the server ends when it stops; undefined if the other protocol failed at once, and the connection is gone.
 */
export function giveAway(
  given: Response,
  upgrade: ConnectionUpgrade,
  { message, response, socket, head }: Upgradable,
  serverHeader: string | undefined,
  failed: (error: unknown) => void,
): OpenStream | undefined {
  const fields = responseFields(given.headers).flat
  if (serverHeader !== undefined) fields.push('server', serverHeader)
  response.detachSocket(message.socket)
  try {
    return upgrade.take({ message, socket, head, fields, failed })
  } catch (error) {
    failed(error)
    socket.destroy()
    return undefined
  }
}
