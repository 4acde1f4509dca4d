import { Deque } from '../deque.ts'
import { HubClosedError } from '../errors/hub-closed-error.ts'
import { TopicEndedError } from '../errors/topic-ended-error.ts'
import { durationOption, limitOption } from '../options.ts'
import { systemRuntime, type Runtime } from '../runtime.ts'
import { checkTopic } from '../topics/topic.ts'
import { matchesTopic, type TopicPattern } from '../topics/topic-pattern.ts'
import { createEpoch, type Position } from '../wire-contract/event-id.ts'
import type {
  EventLog,
  LogEntry,
  LoggedEvent,
  LogPage,
  LogTailListener,
  TopicState,
  TopicStatus,
} from './event-log.ts'
import { LogTails } from './log-tails.ts'

/** How much a {@link memoryLog} holds. Whichever limit is reached first evicts the oldest events. */
export interface MemoryLogOptions {
  /** Events in all. @defaultValue 10 000 */
  readonly maxEvents?: number | undefined
  /** Events of one topic. @defaultValue no limit but `maxEvents` */
  readonly maxEventsPerTopic?: number | undefined
  /** Length of all data together, in UTF-16 code units (of one byte or two). @defaultValue 64 Mi */
  readonly maxDataLength?: number | undefined
  /** Milliseconds for which an event is kept. @defaultValue 600 000, ten minutes. 0 is for ever. */
  readonly maxAgeMs?: number | undefined
  /** Clock, timers and chance, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

/** An event as both queues hold it. It stays in the queue of all, empty, after its topic has evicted it. */
interface Slot {
  entry: LogEntry | null
  readonly seq: number
  readonly appendedAt: number
}

const noSlots = new Deque<Slot>()

interface TopicRecord {
  readonly slots: Deque<Slot>
  /** The `seq` of its newest event that is gone. */
  evictedUpTo: number
}

type FiniteTopic =
  | { readonly state: 'running' }
  | { readonly state: 'ended'; readonly ending: LogEntry; readonly timer: unknown }

// How many topics without events are remembered one by one, with what they have lost, so that a reader of one is not told
// of another's eviction.
const maxForgottenTopics = 10_000

// Of how many finite topics it is remembered that their time is over: they are not run again.
const maxExpiredTopics = 100_000

/**
 * A log in the memory of one process.
 *
 *     all      | a1 | b2 | a3 | .. | a5 |     in order of `seq`: the oldest go first; patterns are read from here
 *     topic a  | a1 |      a3 |      a5 |     the same slots; exact topics are read from here
 *     topic b       | b2 |
 *
 * Beside events it remembers names, each bounded: of 10 000 topics whose events are gone what they have lost, and of
 * 100 000 finite topics that their time is over.
 *
 * @throws {@link OptionError}
 */
export function memoryLog(options: MemoryLogOptions = {}): EventLog {
  return new MemoryLog(options)
}

class MemoryLog implements EventLog {
  readonly #runtime: Runtime
  readonly #maxEvents: number
  readonly #maxEventsPerTopic: number
  readonly #maxDataLength: number
  readonly #maxAgeMs: number
  readonly #epoch: string
  readonly #all = new Deque<Slot>()
  readonly #topics = new Map<string, TopicRecord>()
  // Topics that hold no event any more, oldest first, with their `evictedUpTo`; and the greatest of those of which even
  // that was forgotten, which stands for every topic that is not known.
  readonly #forgotten = new Map<string, number>()
  #forgottenUpTo = 0
  #evictedUpTo = 0
  // Topics that were claimed or have ended; and, oldest first, those whose time is over.
  readonly #finite = new Map<string, FiniteTopic>()
  readonly #expired = new Set<string>()
  #seq = 0
  #size = 0
  #dataLength = 0
  #expiryTimer: unknown = undefined
  readonly #tails = new LogTails()
  #closed = false

  constructor(options: MemoryLogOptions) {
    this.#runtime = options.runtime ?? systemRuntime
    this.#maxEvents = limitOption('maxEvents', options.maxEvents, 10_000)
    this.#maxEventsPerTopic = limitOption(
      'maxEventsPerTopic',
      options.maxEventsPerTopic,
      Number.POSITIVE_INFINITY,
    )
    this.#maxDataLength = limitOption('maxDataLength', options.maxDataLength, 67_108_864)
    this.#maxAgeMs = durationOption('maxAgeMs', options.maxAgeMs, 600_000)
    this.#epoch = createEpoch(this.#runtime)
  }

  async append(event: LoggedEvent): Promise<Position> {
    const state = this.#stateOf(event.topic)
    if (state === 'ended' || state === 'expired') throw new TopicEndedError(event.topic)
    return this.#append(event).position
  }

  async claim(topic: string): Promise<TopicState> {
    if (this.#closed) throw new HubClosedError()
    const state = this.#stateOf(topic)
    if (state !== 'open') return state
    this.#finite.set(topic, { state: 'running' })
    // Who wants it whole wants it from here on. What was forgotten, of whatever topic, is not missing from it.
    if (!this.#topics.has(topic) && !this.#forgotten.has(topic))
      this.#topics.set(topic, { slots: new Deque(), evictedUpTo: 0 })
    return state
  }

  async end(event: LoggedEvent, ttlMs: number): Promise<Position | undefined> {
    const { topic } = event
    const state = this.#stateOf(topic)
    if (state === 'ended' || state === 'expired') return undefined
    const ending = this.#append(event)
    const timer = this.#runtime.setTimeout(() => this.#expire(ending), ttlMs)
    this.#finite.set(topic, { state: 'ended', ending, timer })
    return ending.position
  }

  async cancel(topic: string): Promise<TopicState> {
    const state = this.#stateOf(topic)
    if (state === 'running') this.#tails.notify((listener) => listener.cancelled(topic))
    return state
  }

  async status(topic: string): Promise<TopicStatus> {
    return { state: this.#stateOf(topic), endSeq: this.#endingOf(topic)?.position.seq }
  }

  /** @throws {@link TopicError} */
  #stateOf(topic: string): TopicState {
    // What is held under a name has been checked already.
    if (!this.#topics.has(topic)) checkTopic(topic)
    return this.#finite.get(topic)?.state ?? (this.#expired.has(topic) ? 'expired' : 'open')
  }

  #endingOf(topic: string): LogEntry | undefined {
    const finite = this.#finite.get(topic)
    return finite?.state === 'ended' ? finite.ending : undefined
  }

  #expire({ topic, position }: LogEntry): void {
    this.#finite.delete(topic)
    this.#expired.add(topic)
    const [oldest] = this.#expired
    if (this.#expired.size > maxExpiredTopics && oldest !== undefined) this.#expired.delete(oldest)
    const record = this.#recordOf(topic)
    while (record.slots.size > 0) this.#evictOldestOf(record, topic)
    this.#markEvicted(record, position.seq)
    this.#forget(topic, record)
  }

  #append(event: LoggedEvent): LogEntry {
    if (this.#closed) throw new HubClosedError()
    this.#evictExpired()
    const position = { epoch: this.#epoch, seq: (this.#seq += 1) }
    const entry: LogEntry = { ...event, position }
    const slot: Slot = { entry, seq: position.seq, appendedAt: this.#runtime.now() }
    const record = this.#recordOf(event.topic)
    record.slots.push(slot)
    this.#all.push(slot)
    this.#size += 1
    this.#dataLength += event.data.length
    if (record.slots.size > this.#maxEventsPerTopic) this.#evictOldestOf(record, event.topic)
    // The newest stays, however large it is: it is about to be delivered.
    while ((this.#size > this.#maxEvents || this.#dataLength > this.#maxDataLength) && this.#size > 1) {
      this.#evictOldest()
    }
    this.#scheduleExpiry()
    this.#tails.notify((listener) => listener.appended(entry))
    return entry
  }

  async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    this.#evictExpired()
    const found = patterns.some((pattern) => pattern.hasWildcard)
      ? this.#scan(patterns, after, limit + 1)
      : this.#merge(patterns, after, limit + 1)
    return {
      entries: found.slice(0, limit),
      more: found.length > limit,
      evictedUpTo: this.#evictedUpToOf(patterns, after),
    }
  }

  tail(listener: LogTailListener): () => void {
    return this.#tails.add(listener)
  }

  async head(): Promise<Position> {
    return { epoch: this.#epoch, seq: this.#seq }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#tails.clear()
    while (this.#size > 0) this.#evictOldest()
    this.#runtime.clearTimeout(this.#expiryTimer)
    for (const finite of this.#finite.values())
      if (finite.state === 'ended') this.#runtime.clearTimeout(finite.timer)
    this.#finite.clear()
  }

  #recordOf(topic: string): TopicRecord {
    let record = this.#topics.get(topic)
    if (record === undefined) {
      record = { slots: new Deque(), evictedUpTo: this.#forgotten.get(topic) ?? this.#forgottenUpTo }
      this.#forgotten.delete(topic)
      this.#topics.set(topic, record)
    }
    return record
  }

  /** All events in order, those that match: for patterns, whose topics are not known beforehand. */
  #scan(patterns: readonly TopicPattern[], after: number, limit: number): LogEntry[] {
    const found: LogEntry[] = []
    const wanted = new Map<string, boolean>()
    for (let index = this.#all.partition((slot) => slot.seq <= after); index < this.#all.size; index += 1) {
      const entry = this.#all.at(index)?.entry
      if (entry === null || entry === undefined) continue
      let matches = wanted.get(entry.topic)
      if (matches === undefined) {
        matches = patterns.some((pattern) => matchesTopic(pattern, entry.topic))
        wanted.set(entry.topic, matches)
      }
      if (!matches) continue
      found.push(entry)
      if (found.length === limit) break
    }
    return found
  }

  /** The events of topics that are known by name, in order. */
  #merge(patterns: readonly TopicPattern[], after: number, limit: number): LogEntry[] {
    const found: LogEntry[] = []
    for (const topic of new Set(patterns.map((pattern) => pattern.text))) {
      const slots = this.#topics.get(topic)?.slots ?? noSlots
      const first = slots.partition((slot) => slot.seq <= after)
      for (let index = first; index < Math.min(slots.size, first + limit); index += 1) {
        const entry = slots.at(index)?.entry
        if (entry !== null && entry !== undefined) found.push(entry)
      }
      // What a topic ends with is held for as long as its end is: without it a reader would wait for ever.
      const ending = this.#endingOf(topic)
      if (ending !== undefined && slots.size === 0 && ending.position.seq > after) found.push(ending)
    }
    return found.toSorted((a, b) => a.position.seq - b.position.seq).slice(0, limit)
  }

  #evictedUpToOf(patterns: readonly TopicPattern[], after: number): number {
    // Nothing that the reader has not had is gone: the common case, and the cheap one.
    if (this.#evictedUpTo <= after) return 0
    let evictedUpTo = 0
    for (const pattern of patterns) {
      if (!pattern.hasWildcard) {
        const record = this.#topics.get(pattern.text)
        const mark = record?.evictedUpTo ?? this.#forgotten.get(pattern.text) ?? this.#forgottenUpTo
        evictedUpTo = Math.max(evictedUpTo, mark)
        continue
      }
      evictedUpTo = Math.max(evictedUpTo, this.#forgottenUpTo)
      for (const [topic, record] of this.#topics) {
        if (record.evictedUpTo > evictedUpTo && matchesTopic(pattern, topic)) evictedUpTo = record.evictedUpTo
      }
      for (const [topic, mark] of this.#forgotten) {
        if (mark > evictedUpTo && matchesTopic(pattern, topic)) evictedUpTo = mark
      }
    }
    return evictedUpTo
  }

  #evictExpired(): void {
    if (this.#maxAgeMs === 0) return
    const before = this.#runtime.now() - this.#maxAgeMs
    while (this.#oldest() !== undefined && (this.#oldest()?.appendedAt ?? 0) <= before) this.#evictOldest()
  }

  /** The oldest slot that is not empty. */
  #oldest(): Slot | undefined {
    while (this.#all.oldest?.entry === null) this.#all.shift()
    return this.#all.oldest
  }

  #evictOldest(): void {
    const topic = this.#oldest()?.entry?.topic
    const record = topic === undefined ? undefined : this.#topics.get(topic)
    if (topic !== undefined && record !== undefined) this.#evictOldestOf(record, topic)
  }

  #evictOldestOf(record: TopicRecord, topic: string): void {
    const slot = record.slots.shift()
    if (slot === undefined || slot.entry === null) return
    this.#size -= 1
    this.#dataLength -= slot.entry.data.length
    // The end of a topic can still be read: it is not gone.
    if (slot.entry !== this.#endingOf(topic)) this.#markEvicted(record, slot.seq)
    slot.entry = null
    if (record.slots.size === 0) this.#forget(topic, record)
    this.#compact()
  }

  #markEvicted(record: TopicRecord, seq: number): void {
    record.evictedUpTo = seq
    this.#evictedUpTo = Math.max(this.#evictedUpTo, seq)
  }

  #forget(topic: string, record: TopicRecord): void {
    this.#topics.delete(topic)
    this.#forgotten.set(topic, record.evictedUpTo)
    if (this.#forgotten.size <= maxForgottenTopics) return
    const [oldest] = this.#forgotten
    if (oldest === undefined) return
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, oldest[1])
    this.#forgotten.delete(oldest[0])
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

  /** An event must not be kept beyond its time because nobody publishes or reads. */
  #scheduleExpiry(): void {
    if (this.#maxAgeMs === 0 || this.#expiryTimer !== undefined || this.#size === 0) return
    const age = this.#runtime.now() - (this.#oldest()?.appendedAt ?? 0)
    this.#expiryTimer = this.#runtime.setTimeout(
      () => {
        this.#expiryTimer = undefined
        this.#evictExpired()
        this.#scheduleExpiry()
      },
      Math.max(1, this.#maxAgeMs - age),
    )
  }
}
