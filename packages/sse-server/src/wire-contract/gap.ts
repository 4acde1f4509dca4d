import { encodeFrame, type Frame } from '../connection/frame.ts'
import { formatEvent } from '../format/event.ts'

/** Why events are missing. See docs/wire-contract.md. */
export type GapReason = 'evicted' | 'epoch' | 'future' | 'dropped'

/**
 * What a reader is told when events were lost to it: the `data`, as JSON, of an event of type `stream.gap`.
 *
 * All positions are ids, or null where there is none.
 */
export interface Gap {
  readonly reason: GapReason
  /** The position the reader asked to go on after, or, for `dropped`, its last event before the gap. */
  readonly requested: string | null
  /** The first event that can still follow. */
  readonly earliest: string | null
  /** The newest event there was when the gap was noticed. */
  readonly latest: string | null
}

/**
 * @param position - the id after which the stream goes on: the reader's position becomes it, so that a reader cut
 *   right after the gap is not told of it again.
 */
export function gapFrame(gap: Gap, position: string | undefined): Frame {
  const event = { event: 'stream.gap', data: gap }
  return encodeFrame(
    formatEvent(position === undefined ? event : { ...event, id: position }),
    position,
    // Of their own, so that none takes the place of another that waits.
    `stream.gap ${position}`,
  )
}
