import type { ServerSentEvent } from '../format/event.ts'
import { parseEventId } from './event-id.ts'

/** Says that what follows keeps to docs/reference/wire-contract.md. The number is the contract's version. */
const mark = 'sse-toolkit 1'

/** The comment that says that the ids of a response are the application's own, and not positions of a log. */
export const opaqueIds = 'opaque ids'

/** Whether a client could take the id for a position, which only ever rises, unless {@link opaqueIds} came before it. */
export function looksLikePosition(id: string | undefined): boolean {
  return id !== undefined && parseEventId(id) !== undefined
}

/**
 * The first block of a response:
 *
 *     : sse-toolkit 1         the stream follows the wire contract
 *     : heartbeat 16000       how long the stream may be silent, in milliseconds
 *     id: k3v9x0q2-1041       the position after which the stream goes on
 *     retry: 1000             how long to wait before reconnecting
 *
 * It has no data, so no event is dispatched. Until a client has read the mark, an id is only an id to it. See
 * docs/reference/wire-contract.md, "The first block".
 *
 * @param position - absent for a stream without positions, and where a gap follows that gives the position itself.
 */
export function firstBlock(
  settings: { readonly longestSilenceMs: number; readonly reconnectionTimeMs: number | undefined },
  position?: string,
): ServerSentEvent {
  const heartbeat = settings.longestSilenceMs > 0 ? `\nheartbeat ${settings.longestSilenceMs}` : ''
  return {
    comment: mark + heartbeat,
    ...(settings.reconnectionTimeMs !== undefined && { retry: settings.reconnectionTimeMs }),
    ...(position !== undefined && { id: position }),
  }
}
