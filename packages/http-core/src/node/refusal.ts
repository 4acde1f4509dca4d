import { reasonPhrase } from '../status.ts'
import { peerAddress } from './admission.ts'
import { channels } from './diagnostics.ts'
import type { RequestRefusedEvent } from './diagnostics.ts'
import type { ServerCore } from './server-core.ts'
import { discardContent, unreadContent } from './unread-content.ts'
import type { WireRequest, WireResponse } from './wire.ts'

/** Why a request is not served. */
export interface Refusal {
  readonly status: number
  /** For the log, not for the client. */
  readonly reason: string
  /** `'close'` when what follows on the connection cannot be trusted, or is not wanted. */
  readonly connection: 'close' | 'keep'
  readonly fields?: readonly string[]
}

/** Tells log and channel of a refusal. */
export function reportRefusal(
  core: ServerCore,
  status: number,
  reason: string,
  remoteAddress: string | undefined,
): void {
  core.log.warn({ event: 'request-refused', status, reason, remoteAddress }, `Refused a request: ${reason}`)
  if (channels.requestRefused.hasSubscribers) {
    channels.requestRefused.publish({ status, reason, remoteAddress } satisfies RequestRefusedEvent)
  }
}

/** Answers a request without any handler: the status, its description as text, nothing else. */
export function refuse(
  core: ServerCore,
  message: WireRequest,
  response: WireResponse,
  refusal: Refusal,
): void {
  const { status, reason, connection } = refusal
  reportRefusal(core, status, reason, peerAddress(core, message.socket))
  // A client that waits for `100 Continue` sends nothing after a final status.
  const unread = message.headers.expect === undefined ? unreadContent(message) : 'none'
  const closes = connection === 'close' || unread === 'large' || core.closing.aborted
  const text = `${reasonPhrase(status) ?? 'Error'}\n`
  const { serverHeader } = core.settings
  const fields = ['content-type', 'text/plain; charset=utf-8', 'content-length', String(text.length)]
  if (refusal.fields !== undefined) fields.push(...refusal.fields)
  if (serverHeader !== undefined) fields.push('server', serverHeader)
  if (closes) {
    fields.push('connection', 'close')
    core.closingConnections.add(message.socket)
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
  discardContent(message, response, core.settings.runtime, () => response.end())
}
