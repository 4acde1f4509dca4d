import { Deque } from '../deque.ts'
import { Pace } from '../pace.ts'
import type { Runtime } from '../runtime.ts'
import { matchesAny } from '../topics/topic-pattern.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { EvictionMarks } from './eviction-marks.ts'
import type { LogEntry, LogPage } from './event-log.ts'
import { heldBytesOf } from './held-bytes.ts'
import { pageOf } from './log-page.ts'

/** An event as both queues have it. It stays in the queue of all, empty, after its topic has evicted it. */
interface Slot {
  entry: LogEntry | null
  readonly seq: number
  readonly appendedAt: number
}

interface TopicRecord {
  readonly slots: Deque<Slot>
  /** The `seq` of its newest event that is gone. */
  evictedUpTo: number
  /** What it holds, in bytes, if it is held; else null. */
  heldBytes: number | null
  /** The `seq` of its newest event that is only here, and no longer in the queue of all. */
  heldUpTo: number
}

export interface EventStoreOptions {
  readonly runtime: Runtime
  readonly maxEvents: number
  readonly maxEventsPerTopic: number
  readonly maxDataLength: number
  /** 0 is forever. */
  readonly maxAgeMs: number
  readonly maxHeldBytesPerTopic: number
  readonly maxHeldBytes: number
}

const noSlots = new Deque<Slot>()

// Of how many topics one look at all events remembers whether they match.
const maxRememberedMatches = 10_000

/**
 * The events of a log in memory, oldest first, within its limits.
 *
 *     all      | a1 | b2 | a3 | .. | a5 |     in order of `seq`: the oldest go first; patterns are read from here
 *     topic a  | a1 |      a3 |      a5 |     the same slots; exact topics are read from here
 *     topic b       | b2 |
 *
 * A topic that is held keeps its events when they leave the queue of all, so its name reaches them, and no pattern does:
 *
 *     all                          | a5 |
 *     topic a  | a1 |      a3 |      a5 |     held: a1 and a3 are only here
 */
export class EventStore {
  readonly #options: EventStoreOptions
  readonly #all = new Deque<Slot>()
  readonly #topics = new Map<string, TopicRecord>()
  // For topics that no longer hold an event.
  readonly #marks = new EvictionMarks()
  // The greatest of all.
  #evictedUpTo = 0
  #size = 0
  #dataLength = 0
  #heldBytes = 0
  #expiryTimer: unknown = undefined

  constructor(options: EventStoreOptions) {
    this.#options = options
  }

  /** Whether anything is held under this name. */
  has(topic: string): boolean {
    return this.#topics.has(topic)
  }

  /** The topic begins here: what was forgotten, of whatever topic, is not missing from it. */
  begin(topic: string): void {
    if (!this.#topics.has(topic) && !this.#marks.has(topic)) this.#topics.set(topic, newRecord(0))
  }

  /** From now on the topic keeps what it has, until {@link evictTopic}. */
  hold(topic: string): void {
    const record = this.#recordOf(topic)
    if (record.heldBytes !== null) return
    record.heldBytes = 0
    for (let index = 0; index < record.slots.size; index += 1) {
      const entry = record.slots.at(index)?.entry
      if (entry !== null && entry !== undefined) this.#countHeld(record, heldBytesOf(entry))
    }
  }

  /** The limit that a topic which is held would exceed with so many more bytes. */
  limitExceededBy(topic: string, bytes: number): 'maxHeldBytesPerTopic' | 'maxHeldBytes' | undefined {
    const { maxHeldBytesPerTopic, maxHeldBytes } = this.#options
    const heldBytes = this.#topics.get(topic)?.heldBytes ?? 0
    if (heldBytes + bytes > maxHeldBytesPerTopic) return 'maxHeldBytesPerTopic'
    return this.#heldBytes + bytes > maxHeldBytes ? 'maxHeldBytes' : undefined
  }

  /** The `seq` of the topic's newest event; see {@link TopicStatus}. */
  lastSeqOf(topic: string): number {
    const record = this.#topics.get(topic)
    return record?.slots.newest?.seq ?? record?.evictedUpTo ?? this.#marks.get(topic)
  }

  append(entry: LogEntry): void {
    const { runtime, maxEvents, maxEventsPerTopic, maxDataLength } = this.#options
    this.#evictExpired()
    const slot: Slot = { entry, seq: entry.position.seq, appendedAt: runtime.now() }
    const record = this.#recordOf(entry.topic)
    record.slots.push(slot)
    this.#all.push(slot)
    this.#size += 1
    this.#dataLength += entry.data.length
    if (record.heldBytes !== null) this.#countHeld(record, heldBytesOf(entry))
    else if (record.slots.size > maxEventsPerTopic) this.#evictOldestOf(record, entry.topic)
    // The newest stays, however large it is: it is about to be delivered.
    while ((this.#size > maxEvents || this.#dataLength > maxDataLength) && this.#size > 1) this.#evictOldest()
    this.#scheduleExpiry()
  }

  /** See {@link EventLog.read}. A look at many events lets the event loop turn. */
  async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    this.#evictExpired()
    const evictedUpTo = this.#evictedUpToOf(patterns, after)
    if (!patterns.some((pattern) => pattern.hasWildcard))
      return pageOf(this.#merge(patterns, after, limit + 1), limit, evictedUpTo)
    // All that is only held is older than all that is not.
    const heldUpTo = this.#heldUpToOf(patterns)
    const held = heldUpTo > after ? this.#merge(patterns, after, limit + 1, heldUpTo) : []
    if (held.length > limit) return pageOf(held, limit, evictedUpTo)
    return this.#scan(patterns, Math.max(after, heldUpTo), limit, evictedUpTo, held)
  }

  /** All events of the topic are gone, up to this position. */
  evictTopic(topic: string, upTo: number): void {
    const record = this.#recordOf(topic)
    this.#heldBytes -= record.heldBytes ?? 0
    record.heldBytes = null
    while (record.slots.size > 0) this.#evictOldestOf(record, topic)
    this.#markEvicted(record, upTo)
    this.#forget(topic, record)
  }

  close(): void {
    this.#all.clear()
    this.#topics.clear()
    this.#size = 0
    this.#options.runtime.clearTimeout(this.#expiryTimer)
  }

  #recordOf(topic: string): TopicRecord {
    let record = this.#topics.get(topic)
    if (record === undefined) {
      record = newRecord(this.#marks.get(topic))
      this.#marks.delete(topic)
      this.#topics.set(topic, record)
    }
    return record
  }

  #countHeld(record: TopicRecord, bytes: number): void {
    record.heldBytes = (record.heldBytes ?? 0) + bytes
    this.#heldBytes += bytes
  }

  /** The newest event that is only held, of the topics that are named. */
  #heldUpToOf(patterns: readonly TopicPattern[]): number {
    return Math.max(0, ...patterns.map(({ text }) => this.#topics.get(text)?.heldUpTo ?? 0))
  }

  /** See {@link LogPage.evictedUpTo}. */
  #evictedUpToOf(patterns: readonly TopicPattern[], after: number): number {
    // The reader lacks nothing that is gone: the common case, and the cheap one.
    if (this.#evictedUpTo <= after) return 0
    let evictedUpTo = after
    const wildcards = patterns.filter((pattern) => pattern.hasWildcard)
    const names = new Set(patterns.filter((pattern) => !pattern.hasWildcard).map(({ text }) => text))
    for (const topic of names) {
      const mark = this.#topics.get(topic)?.evictedUpTo ?? this.#marks.get(topic)
      evictedUpTo = Math.max(evictedUpTo, mark)
    }
    if (wildcards.length > 0) {
      evictedUpTo = Math.max(evictedUpTo, this.#marks.greatestUnnamed)
      for (const [topic, record] of this.#topics) {
        const mark = Math.max(record.evictedUpTo, record.heldUpTo)
        if (mark > evictedUpTo && !names.has(topic) && matchesAny(wildcards, topic)) evictedUpTo = mark
      }
      for (const [topic, mark] of this.#marks.named)
        if (mark > evictedUpTo && matchesAny(wildcards, topic)) evictedUpTo = mark
    }
    return evictedUpTo === after ? 0 : evictedUpTo
  }

  /** All events in order, those that match: for patterns, whose topics are not known beforehand. */
  async #scan(
    patterns: readonly TopicPattern[],
    after: number,
    limit: number,
    evictedUpTo: number,
    found: LogEntry[],
  ): Promise<LogPage> {
    const pace = new Pace(this.#options.runtime)
    const wanted = new Map<string, boolean>()
    // Events that are appended during the read are announced to tails. To read them as well might never end.
    const newest = this.#all.newest?.seq ?? after
    let last = after
    let index = this.#indexAfter(last)
    while (last < newest && found.length <= limit) {
      const share = pace.step()
      if (share !== undefined) {
        await share
        // What was evicted before it was looked at is the next page's to tell of, or this one's if it is empty.
        const lostUpTo = this.#evictedUpToOf(patterns, last)
        if (lostUpTo > 0 || this.#heldUpToOf(patterns) > last) {
          const page = pageOf(found, limit, found.length > 0 ? evictedUpTo : lostUpTo)
          return { ...page, more: true }
        }
        index = this.#indexAfter(last)
      }
      const slot = this.#all.at(index)
      if (slot === undefined) break
      last = slot.seq
      index += 1
      if (slot.entry !== null && matchesOnce(patterns, slot.entry.topic, wanted)) found.push(slot.entry)
    }
    return pageOf(found, limit, evictedUpTo)
  }

  #indexAfter(seq: number): number {
    return this.#all.partition((slot) => slot.seq <= seq)
  }

  /** The events of topics that are known by name, in order. */
  #merge(
    patterns: readonly TopicPattern[],
    after: number,
    limit: number,
    upTo = Number.POSITIVE_INFINITY,
  ): LogEntry[] {
    const found: LogEntry[] = []
    for (const topic of new Set(patterns.map((pattern) => pattern.text))) {
      const slots = this.#topics.get(topic)?.slots ?? noSlots
      const first = slots.partition((slot) => slot.seq <= after)
      const end = upTo === Number.POSITIVE_INFINITY ? slots.size : slots.partition((slot) => slot.seq <= upTo)
      for (let index = first; index < Math.min(end, first + limit); index += 1) {
        const entry = slots.at(index)?.entry
        if (entry !== null && entry !== undefined) found.push(entry)
      }
    }
    return found.toSorted((a, b) => a.position.seq - b.position.seq).slice(0, limit)
  }

  #evictExpired(): void {
    if (this.#options.maxAgeMs === 0) return
    const before = this.#options.runtime.now() - this.#options.maxAgeMs
    while (this.#oldest() !== undefined && (this.#oldest()?.appendedAt ?? 0) <= before) this.#evictOldest()
  }

  /** The oldest slot that is not empty. */
  #oldest(): Slot | undefined {
    while (this.#all.oldest?.entry === null) this.#all.shift()
    return this.#all.oldest
  }

  #evictOldest(): void {
    const oldest = this.#oldest()
    const record = oldest?.entry && this.#topics.get(oldest.entry.topic)
    if (!oldest?.entry || !record) return
    if (record.heldBytes === null) {
      this.#evictOldestOf(record, oldest.entry.topic)
      return
    }
    this.#all.shift()
    this.#uncount(oldest.entry)
    record.heldUpTo = oldest.seq
    this.#evictedUpTo = Math.max(this.#evictedUpTo, oldest.seq)
  }

  #evictOldestOf(record: TopicRecord, topic: string): void {
    const slot = record.slots.shift()
    if (slot === undefined || slot.entry === null) return
    if (slot.seq > record.heldUpTo) this.#uncount(slot.entry)
    this.#markEvicted(record, slot.seq)
    slot.entry = null
    if (record.slots.size === 0) this.#forget(topic, record)
    this.#compact()
  }

  #uncount({ data }: LogEntry): void {
    this.#size -= 1
    this.#dataLength -= data.length
  }

  #markEvicted(record: TopicRecord, seq: number): void {
    record.evictedUpTo = seq
    this.#evictedUpTo = Math.max(this.#evictedUpTo, seq)
  }

  #forget(topic: string, record: TopicRecord): void {
    this.#topics.delete(topic)
    this.#marks.set(topic, record.evictedUpTo)
  }

  /** A topic that evicts by itself leaves empty slots behind an old one of another: they must not pile up. */
  #compact(): void {
    if (this.#all.size < 64 || this.#all.size < this.#size * 2) return
    const { size } = this.#all
    for (let index = 0; index < size; index += 1) {
      const slot = this.#all.shift()
      if (slot !== undefined && slot.entry !== null) this.#all.push(slot)
    }
  }

  /** An event must not be kept beyond its time just because nothing is published or read. */
  #scheduleExpiry(): void {
    const { runtime, maxAgeMs } = this.#options
    if (maxAgeMs === 0 || this.#expiryTimer !== undefined || this.#size === 0) return
    const age = runtime.now() - (this.#oldest()?.appendedAt ?? 0)
    this.#expiryTimer = runtime.setTimeout(
      () => {
        this.#expiryTimer = undefined
        this.#evictExpired()
        this.#scheduleExpiry()
      },
      Math.max(1, maxAgeMs - age),
    )
  }
}

function newRecord(evictedUpTo: number): TopicRecord {
  return { slots: new Deque(), evictedUpTo, heldBytes: null, heldUpTo: 0 }
}

/** Whether a pattern matches the topic, which is found out once for each. */
function matchesOnce(patterns: readonly TopicPattern[], topic: string, known: Map<string, boolean>): boolean {
  let matches = known.get(topic)
  if (matches === undefined) {
    if (known.size >= maxRememberedMatches) known.clear()
    matches = matchesAny(patterns, topic)
    known.set(topic, matches)
  }
  return matches
}
