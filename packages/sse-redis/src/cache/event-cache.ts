import type { LogEntry } from '@sse-toolkit/sse-server'
import type { LogState } from '../commands/commands.ts'
import type { TopicSet } from '../read/topic-set.ts'
import type { Block } from './block.ts'
import { BlockCache, heldPrefix } from './block-cache.ts'
import { RecentEntries } from './recent-entries.ts'

// Beyond so many, the topics that expired lately are forgotten, with all that is held.
const maxExpired = 10_000

/** The source of blocks that have the events of all topics. */
const everything = ''

/** The source of blocks of what only the names of these topics reach: events stay in them when they leave the stream. */
function heldBy(set: TopicSet): string {
  return `${heldPrefix}${set.key}`
}

/**
 * The events of one epoch that a process holds for its readers: the newest, and what others have read.
 *
 * Nothing in it has been through anybody's filter. Each reader leaves out what is gone or over when it reads, by the state
 * of the log at that time.
 */
export class EventCache {
  readonly #recent: RecentEntries
  readonly #blocks: BlockCache
  readonly #expired = new Set<string>()
  #epoch = ''
  #trimmed = 0
  // How many topics have expired as far as Redis has said; and the names of how many of them are known.
  #expiries = 0
  #expiriesKnown = 0

  constructor(maxBytes: number) {
    this.#recent = new RecentEntries(maxBytes / 2)
    this.#blocks = new BlockCache(maxBytes / 2)
  }

  get bytes(): number {
    return this.#recent.bytes + this.#blocks.bytes
  }

  /** The topics that have expired while their events may be held. */
  get expired(): ReadonlySet<string> {
    return this.#expired
  }

  /** Of how many expired topics it knows. */
  get expiriesKnown(): number {
    return this.#expiriesKnown
  }

  /** What Redis said of the log. */
  observe({ epoch, trimmed, expiries }: LogState): void {
    this.#expiries = epoch === this.#epoch ? Math.max(this.#expiries, expiries) : expiries
    if (epoch !== this.#epoch) {
      this.#clear(expiries)
      this.#epoch = epoch
      this.#trimmed = trimmed
    } else if (trimmed > this.#trimmed) {
      this.#trimmed = trimmed
      this.#recent.dropUpTo(trimmed)
      this.#blocks.dropUpTo(trimmed)
    }
  }

  /** Whether nothing is known to have gone since that a reader after the position could miss. */
  isCurrent({ epoch, trimmed, expiries }: LogState, position: number): boolean {
    return (
      epoch === this.#epoch &&
      expiries === this.#expiries &&
      (trimmed === this.#trimmed || this.#trimmed <= position)
    )
  }

  /** These topics have expired since the last time; undefined if they are too many to say. */
  expire({ epoch, expiries }: LogState, topics: readonly string[] | undefined): void {
    if (epoch !== this.#epoch) return
    if (topics === undefined || this.#expired.size + topics.length > maxExpired) this.#clear(expiries)
    else for (const topic of topics) this.#expired.add(topic)
    this.#expiriesKnown = Math.max(this.#expiriesKnown, expiries)
  }

  /** The follower has received an event. */
  append(entry: LogEntry): void {
    if (entry.position.epoch === this.#epoch) this.#recent.add(entry)
  }

  find(epoch: string, set: TopicSet, position: number): Block | undefined {
    if (epoch !== this.#epoch) return undefined
    return (
      this.#recent.find(epoch, position) ??
      this.#blocks.find(everything, position) ??
      this.#blocks.find(set.key, position)
    )
  }

  findHeld(epoch: string, set: TopicSet, position: number): Block | undefined {
    return epoch === this.#epoch ? this.#blocks.find(heldBy(set), position) : undefined
  }

  addHeld(epoch: string, block: Block, set: TopicSet): void {
    if (epoch === this.#epoch) this.#blocks.add(heldBy(set), block)
  }

  /** @param set - absent for a block of all topics. */
  add(epoch: string, block: Block, set?: TopicSet): void {
    if (epoch === this.#epoch) this.#blocks.add(set?.key ?? everything, block)
  }

  #clear(expiries: number): void {
    this.#recent.clear()
    this.#blocks.clear()
    this.#expired.clear()
    this.#expiriesKnown = expiries
  }
}
