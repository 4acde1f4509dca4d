import type { parsePosition as ParsePosition } from './event-id.ts'

/*
 * What pages that share a connection compare positions for. It is loaded with them, in a chunk of its own, and therefore
 * imports nothing that other chunks have, too: a bundler would make a third chunk of that. `parsePosition` is handed over.
 */

const gapType = 'stream.gap'

/** What asks for all that the log holds. See docs/wire-contract.md, "Resuming". */
export const earliest = 'earliest'

/** An event as pages relay it: type, data and id. */
export type RelayedEvent = readonly [
  type: string,
  data: string,
  id: string | undefined,
  topic?: string | undefined,
]

/** Whether `id` is an earlier position of the same epoch. `earliest` is behind every other one. */
export function isBehind(parsePosition: typeof ParsePosition, id: string, other: string): boolean {
  if (id === earliest) return other !== id
  const [mine, theirs] = [parsePosition(id), parsePosition(other)]
  return Boolean(mine && theirs && mine.epoch === theirs.epoch && mine.seq < theirs.seq)
}

/** Whether `id` is the position before the first event. */
export function isBeginning(parsePosition: typeof ParsePosition, id: string): boolean {
  return parsePosition(id)?.seq === 0
}

export function isGap(type: string): boolean {
  return type === gapType
}

/**
 * The gap that the server has no reason to tell of: a page that was in one epoch follows a connection in another.
 *
 * @returns Undefined if both are in one.
 */
export function gapBetween(
  parsePosition: typeof ParsePosition,
  requested: string,
  latest: string,
): readonly [type: string, data: string, id: string] | undefined {
  const [mine, theirs] = [parsePosition(requested), parsePosition(latest)]
  return mine && theirs && mine.epoch !== theirs.epoch
    ? [gapType, JSON.stringify({ reason: 'epoch', requested, earliest: null, latest }), latest]
    : undefined
}
