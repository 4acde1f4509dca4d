import type { LogEntry, Position } from '@sse-toolkit/sse-server'
import { Deque } from './deque.ts'

// What an event takes besides its texts, roughly, in both queues.
const bytesOfEntry = 200

/**
 * The newest events, as far as they fit. Readers that come back after a short while find theirs here, and the newest events
 * need no index in the file yet.
 *
 *     file     | 1 .. 900 | 901 .. 1000 |
 *     window              | 901 .. 1000 |     every event after `after`, but those of topics whose time is over
 */
export class EventWindow {
  readonly #maxBytes: number
  #all = new Deque<LogEntry>()
  #topics = new Map<string, Deque<LogEntry>>()
  #bytes = 0
  #after = 0
  #head: Position = { epoch: '', seq: 0 }

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Events after this `seq` are all here. */
  get after(): number {
    return this.#after
  }

  /** Events up to here are here, or were gone when they were looked for. */
  get head(): Position {
    return this.#head
  }

  /** Empty, from this place on. */
  reset(after: Position): void {
    this.#head = after
    this.#all = new Deque()
    this.#topics = new Map()
    this.#bytes = 0
    this.#after = after.seq
  }

  /** What lies before this place, and was not added, is gone. */
  advance(head: Position): void {
    this.#head = head
  }

  add(entry: LogEntry): void {
    let ofTopic = this.#topics.get(entry.topic)
    if (ofTopic === undefined) {
      ofTopic = new Deque()
      this.#topics.set(entry.topic, ofTopic)
    }
    ofTopic.push(entry)
    this.#all.push(entry)
    this.#head = entry.position
    this.#bytes += bytesOf(entry)
    while (this.#bytes > this.#maxBytes) this.#dropOldest()
  }

  /** Events up to this one were evicted. */
  dropUpTo(seq: number): void {
    while (this.#all.oldest !== undefined && this.#all.oldest.position.seq <= seq) this.#dropOldest()
    this.#after = Math.max(this.#after, seq)
  }

  /** The topic's time is over: it takes no more events. */
  dropTopic(topic: string): void {
    this.#topics.delete(topic)
  }

  /** The events of these topics after a place that is in the window, in order. */
  readNames(names: readonly string[], after: number, limit: number): readonly LogEntry[] {
    const found: LogEntry[] = []
    for (const name of names) {
      const entries = this.#topics.get(name)
      if (entries === undefined) continue
      const first = entries.partition((entry) => entry.position.seq <= after)
      for (let index = first; index < Math.min(entries.size, first + limit); index += 1) {
        const entry = entries.at(index)
        if (entry !== undefined) found.push(entry)
      }
    }
    if (names.length > 1) found.sort((one, other) => one.position.seq - other.position.seq)
    return found.length > limit ? found.slice(0, limit) : found
  }

  /** So many events after a place that is in the window, of all topics. */
  slice(after: number, count: number): readonly LogEntry[] {
    const found: LogEntry[] = []
    const first = this.#all.partition((entry) => entry.position.seq <= after)
    for (let index = first; index < Math.min(this.#all.size, first + count); index += 1) {
      const entry = this.#all.at(index)
      if (entry !== undefined) found.push(entry)
    }
    return found
  }

  /** Whether an event of {@link slice} is of a topic whose time is over. */
  isDropped({ topic }: LogEntry): boolean {
    return !this.#topics.has(topic)
  }

  #dropOldest(): void {
    const oldest = this.#all.shift()
    if (oldest === undefined) return
    this.#bytes -= bytesOf(oldest)
    this.#after = Math.max(this.#after, oldest.position.seq)
    const ofTopic = this.#topics.get(oldest.topic)
    ofTopic?.shift()
    if (ofTopic?.size === 0) this.#topics.delete(oldest.topic)
  }
}

function bytesOf({ topic, event = '', key = '', data }: LogEntry): number {
  return bytesOfEntry + 2 * (topic.length + event.length + key.length + data.length)
}
