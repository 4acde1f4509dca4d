import type { Socket } from 'node:net'
import { reasonPhrase } from '../../response/status.ts'
import type { Runtime } from '../../runtime.ts'
import type { Peers } from '../connection/peers.ts'
import { expectationOf } from '../message/expectation.ts'
import { endsConnection } from '../message/framing.ts'
import { discardContent, unreadContent } from '../message/unread-content.ts'
import type { WireRequest, WireResponse } from '../message/wire.ts'
import type { Reports } from '../reports/reports.ts'

/** Why a request is not served. */
export interface Refusal {
  readonly status: number
  /** For the log, not for the client. */
  readonly reason: string
  /** `'close'`: the bytes that follow on the connection cannot be trusted, or are not wanted. */
  readonly connection: 'close' | 'keep'
  readonly fields?: readonly string[]
  /** `'unframed'`: the end of the content is unknown, so the server does not wait for it. */
  readonly content?: 'unframed'
}

/** Answers a request without calling the handler. The response has the status, and its standard text as content. */
export type Refuse = (message: WireRequest, response: WireResponse, refusal: Refusal) => void

/** The parts of the server that refuse requests. */
export interface RefusalParts {
  readonly serverHeader: string | undefined
  readonly runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>
  readonly reports: Reports
  readonly peers: Peers
  /** Aborts when the server begins to stop. */
  readonly closing: AbortSignal
  /** Connections with a response that said `Connection: close`. */
  readonly closingConnections: WeakSet<Socket>
}

export function makeRefuse(parts: RefusalParts): Refuse {
  const { serverHeader, runtime, reports, peers, closing, closingConnections } = parts
  return (message, response, { status, reason, connection, fields: more = [], content }) => {
    reports.requestRefused(status, reason, peers.addressOf(message.socket))
    // A client that waits for `100 Continue` sends nothing after a final status.
    const comes = expectationOf(message) === 'none' && content !== 'unframed'
    const unread = comes ? unreadContent(message) : 'none'
    const closes = connection === 'close' || unread === 'large' || closing.aborted || endsConnection(message)
    const text = `${reasonPhrase(status) ?? 'Error'}\n`
    const fields = [
      'content-type',
      'text/plain; charset=utf-8',
      'content-length',
      String(text.length),
      ...more,
    ]
    if (serverHeader !== undefined) fields.push('server', serverHeader)
    if (closes) {
      fields.push('connection', 'close')
      closingConnections.add(message.socket)
    }
    response.writeHead(status, reasonPhrase(status) ?? '', fields)
    if (unread === 'none') {
      response.end(text)
      return
    }
    if (!closes) {
      message.resume()
      response.end(text)
      return
    }
    response.write(message.method === 'HEAD' ? '' : text)
    discardContent(message, response, runtime, () => response.end())
  }
}
