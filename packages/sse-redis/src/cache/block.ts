import type { LogEntry } from '@sse-toolkit/sse-server'
import type { TopicSet } from '../read/topic-set.ts'

/**
 * The events of a range of the log. They do not change: what is appended later comes after the range, and what is evicted
 * is left out when the block is used.
 */
export interface Block {
  /** The range begins after this `seq`. */
  readonly after: number
  /** And ends with this one. */
  to: number
  /** In order: all of the range, or those of one set of topics. */
  readonly entries: LogEntry[]
  /** Whether more may come to it, as it ends with the log's head. */
  isOpen: boolean
  bytes: number
  /** For a range with gaps: up to where events had been evicted, and how many topics had expired, when the range was read. */
  readonly trimmed: number
  readonly expiries: number
  /** Those of a set of topics, among all of the range. */
  readonly views: Map<string, readonly LogEntry[]>
}

/** Blocks are aligned to so many places of the log. */
export const blockSize = 256

const maxViews = 8
// What a block takes without its events.
const blockBytes = 512
// What an event takes without its texts: two objects, and a place in the block and in each view.
const entryBytes = 160 + 8 * (1 + maxViews)

export function createBlock(
  range: Pick<Block, 'after' | 'to' | 'isOpen'>,
  entries: LogEntry[],
  state: Pick<Block, 'trimmed' | 'expiries'> = { trimmed: 0, expiries: 0 },
): Block {
  const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), blockBytes)
  const { after, to, isOpen } = range
  return { after, to, isOpen, entries, bytes, ...state, views: new Map() }
}

/** How much memory an event takes, at most. */
export function bytesOf({ topic, event = '', data, key = '' }: LogEntry): number {
  return entryBytes + 2 * (topic.length + event.length + data.length + key.length)
}

/** The events of the block that belong to the set. */
export function viewOf(block: Block, set: TopicSet): readonly LogEntry[] {
  const known = block.views.get(set.key)
  if (known !== undefined) return known
  const view = block.entries.filter(({ topic }) => set.matches(topic))
  if (block.isOpen) return view
  if (block.views.size >= maxViews) block.views.clear()
  block.views.set(set.key, view)
  return view
}

/** The block in which the place after `position` is, of blocks in order. */
export function findBlock(blocks: readonly Block[], position: number): Block | undefined {
  const found = blocks[indexAfter(blocks, position) - 1]
  return found !== undefined && found.to > position ? found : undefined
}

/** How many of the blocks begin at the position or before. */
export function indexAfter(blocks: readonly Block[], position: number): number {
  let [low, high] = [0, blocks.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((blocks[middle]?.after ?? 0) <= position) low = middle + 1
    else high = middle
  }
  return low
}
