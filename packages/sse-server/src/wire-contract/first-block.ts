import type { ServerSentEvent } from '../format/event.ts'

/**
 * The first block of a response:
 *
 *     : heartbeat 16000       how long the stream may be silent, in milliseconds
 *     id: k3v9x0q2-1041       the position after which the stream goes on
 *     retry: 1000             how long to wait before reconnecting
 *
 * It has no data, so no event is dispatched. See docs/wire-contract.md, "The priming block".
 *
 * @param position - absent for a stream without positions, and where a gap follows that gives the position itself.
 * @returns null if there is nothing to say.
 */
export function firstBlock(
  settings: { readonly longestSilenceMs: number; readonly reconnectionTimeMs: number | undefined },
  position?: string,
): ServerSentEvent | null {
  const block = {
    ...(settings.longestSilenceMs > 0 && { comment: `heartbeat ${settings.longestSilenceMs}` }),
    ...(settings.reconnectionTimeMs !== undefined && { retry: settings.reconnectionTimeMs }),
    ...(position !== undefined && { id: position }),
  }
  return Object.keys(block).length === 0 ? null : block
}
