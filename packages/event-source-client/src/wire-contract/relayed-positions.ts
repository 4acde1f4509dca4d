import type { parsePosition as ParsePosition } from './event-id.ts'

/*
 * What pages that share a connection compare positions for. It is loaded with them, in a chunk of its own, and therefore
 * imports nothing that other chunks have, too: a bundler would make a third chunk of that. `parsePosition` is handed over.
 */

const gapType = 'stream.gap'

/** What asks for all that the log holds. See docs/reference/wire-contract.md, "Resuming". */
export const earliest = 'earliest'

/** An event as pages relay it: type, data and id. */
export type RelayedEvent = readonly [
  type: string,
  data: string,
  id: string | undefined,
  topic?: string | undefined,
]

export interface PositionComparison {
  /** Whether `id` is an earlier position of the same epoch. `earliest` is behind every other one. */
  readonly isBehind: (id: string, other: string) => boolean
  /** Whether `id` is the position before the first event. */
  readonly isBeginning: (id: string) => boolean
  /**
   * The gap that the server has no reason to tell of: a page that was in one epoch follows a connection in another.
   *
   * @returns Undefined if both are in one.
   */
  readonly gapBetween: (requested: string, latest: string) => RelayedEvent | undefined
}

export function comparePositions(parsePosition: typeof ParsePosition): PositionComparison {
  return {
    isBehind(id, other) {
      if (id === earliest) return other !== id
      const [mine, theirs] = [parsePosition(id), parsePosition(other)]
      return mine?.epoch === theirs?.epoch && Number(mine?.seq) < Number(theirs?.seq)
    },
    isBeginning: (id) => parsePosition(id)?.seq === 0,
    gapBetween(requested, latest) {
      const [mine, theirs] = [parsePosition(requested), parsePosition(latest)]
      return mine && theirs && mine.epoch !== theirs.epoch
        ? [gapType, JSON.stringify({ reason: 'epoch', requested, earliest: null, latest }), latest]
        : undefined
    },
  }
}

export function isGap(type: string): boolean {
  return type === gapType
}
