import type { GapReason } from '../wire-contract/gap.ts'
import { parseEventId, type Position } from '../wire-contract/event-id.ts'

/** A subscription's place in the log when it begins. */
export interface Start {
  /** After which it goes on. */
  readonly position: Position
  /** The log's head at that time. */
  readonly head: Position
  /** Whether it asked for whatever is held: then what was evicted before is nothing that it misses. */
  readonly fromEarliest?: boolean | undefined
  /** Why it cannot go on after what was asked for, and what that was. */
  readonly gap?: { readonly reason: GapReason; readonly requested: string } | undefined
}

/**
 * Where a subscription begins.
 *
 * @param requested - the id it asks to go on after, `earliest`, or undefined.
 * @param isFinite - whether its topics come to an end: who asks for nothing wants such a topic whole.
 */
export function startAt(requested: string | undefined, head: Position, isFinite: boolean): Start {
  const beginning = { epoch: head.epoch, seq: 0 }
  if (requested === undefined) return { position: isFinite ? beginning : head, head }
  if (requested === 'earliest') return { position: beginning, head, fromEarliest: !isFinite }
  const position = parseEventId(requested)
  // What is no id of ours is of another log, and so of another epoch.
  if (position?.epoch !== head.epoch)
    return { position: beginning, head, gap: { reason: 'epoch', requested } }
  if (position.seq > head.seq) return { position: head, head, gap: { reason: 'future', requested } }
  return { position, head }
}
