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

/** Whether a byte sink may take over the connection. If so, the head must say that the connection closes. */
export function mayHandOver(
  given: Response,
  request: IncomingRequest,
  response: WireResponse,
  reports: Reports,
): response is ServerResponse {
  return (
    isEventStream(given) &&
    // A report of the end needs the request, which a handover releases.
    !reports.wantsRequestEnd &&
    request.unread === 'none' &&
    !(response instanceof Http2Response) &&
    canTakeSocket(request.message as IncomingMessage, response as ServerResponse)
  )
}

/**
 * Takes the connection away from node:http, so that the sink needs neither node:http nor the exchange, and nothing of them
 * stays in memory while the stream is open.
 *
 * @returns the socket; undefined if the connection stays with node:http.
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
 * @returns the stream to end when the server stops; undefined if the other protocol failed at once and the connection is
 *   destroyed.
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
